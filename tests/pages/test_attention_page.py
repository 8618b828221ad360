"""Attention: scrubbed, and with bad input."""

from tests.pages.visits import by_label, html_of, opened, well


def test_attention_can_be_scrubbed_and_refuses_an_empty_text(home_page, finished_run):
    app = well(opened(home_page, "pages/3_Attention.py", finished_run))
    app.select_slider[0].set_value(app.select_slider[0].options[0] and 0).run()
    well(app)
    app.text_area[0].set_value("").run()
    assert "write at least one character" in app.error[0].value


def test_attention_and_generate_name_unknown_characters(home_page, finished_run):
    app = opened(home_page, "pages/3_Attention.py", finished_run)
    app.text_area[0].set_value("Nell € Bram").run()
    assert any("€" in c.value and "<unk>" in c.value for c in well(app).caption)
    app = opened(home_page, "pages/4_Generate.py", finished_run)
    app.text_area[0].set_value("Nell € " * 5).run()
    by_label(app.button, "Write").click().run()
    notes = " ".join(c.value for c in well(app).caption)
    assert "€" in notes and "oldest 19 are left out" in notes
    assert "&lt;unk&gt;" in html_of(app)
