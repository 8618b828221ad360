"""Generate: seeds, and bad input."""

from tests.pages.visits import by_label, html_of, opened, well


def test_generate_writes_the_same_with_the_same_seed_and_other_with_another(
    home_page, finished_run
):
    app = opened(home_page, "pages/4_Generate.py", finished_run)
    by_label(app.slider, "Temperature").set_value(1.2)
    texts = []
    for seed in (1, 1, 2):
        by_label(app.number_input, "Seed").set_value(seed)
        by_label(app.button, "Write").click().run()
        texts.append(html_of(well(app)))
    assert texts[0] == texts[1] != texts[2]


def test_generate_refuses_an_empty_prompt(home_page, finished_run):
    app = opened(home_page, "pages/4_Generate.py", finished_run)
    app.text_area[0].set_value("").run()
    by_label(app.button, "Write").click().run()
    assert "prompt is empty" in app.error[0].value
