"""Home: a text it writes by itself."""

from tests.pages.visits import html_of, well


def test_home_greets_with_a_text_it_writes_itself(home_page):
    well(home_page)
    assert "mg-prompt" in html_of(home_page)
    assert "Understand a GPT" in home_page.title[0].value
