"""Home: a text it writes by itself, the odds of its tokens, three moments of a training."""

import pytest

from minigpt.ui import prompts
from minigpt.ui.home import progress
from tests.pages.visits import by_label, html_of, well


def test_home_greets_with_a_text_it_writes_itself(home_page):
    well(home_page)
    assert "mg-prompt" in html_of(home_page)
    assert "Understand a GPT" in home_page.title[0].value


def test_the_odds_on_home_belong_to_a_token_that_can_be_chosen(home_page):
    assert any(c.value.startswith("Token 1 of 160") for c in well(home_page).caption)
    by_label(home_page.slider, "Which token").set_value(3).run()
    assert any(c.value.startswith("Token 3 of 160") for c in well(home_page).caption)


def test_home_takes_a_long_beginning_and_says_what_it_leaves_out(home_page):
    home_page.text_input[0].set_value("Once there was a lamp. " * 20 + "Nell ")
    by_label(home_page.button, "Continue it").click().run()
    assert any("context holds 128" in caption.value for caption in well(home_page).caption)
    assert "Nell </span>" in html_of(home_page)
    home_page.text_input[0].set_value("a" * (prompts.MOST_CHARACTERS + 1))
    by_label(home_page.button, "Continue it").click().run()
    assert "at most 20,000 are taken" in home_page.error[0].value


@pytest.mark.parametrize(
    "steps, chosen",
    [
        ([], []),
        ([0], [0]),
        ([0, 1], [0, 1]),
        ([0, 1, 1], [0, 1]),
        ([0, 2, 3], [0, 2, 3]),
        ([0, 1, 2, 3, 4], [0, 1, 4]),
        (list(range(0, 200, 10)), [0, 20, 190]),
    ],
)
def test_no_moment_is_shown_twice(steps, chosen):
    moments = progress.moments([(step, f"text of {step}") for step in steps])
    assert [step for step, _ in moments] == chosen
