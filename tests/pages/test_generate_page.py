"""Generate: an example at first, seeds, long prompts, and bad input."""

import re

from minigpt.config import GPTConfig, TrainConfig
from minigpt.metrics import Results
from minigpt.tokenizers import BPETokenizer
from minigpt.ui import prompts, written
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


def test_generate_opened_directly_shows_an_example_with_surprise_and_how_it_chose(
    home_page, finished_run
):
    app = well(opened(home_page, "pages/4_Generate.py", finished_run))
    assert "probability" in html_of(app) and "color-mix(in srgb, #14B8A6" in html_of(app)
    assert "How it chose" in [title.value for title in app.subheader]
    length = by_label(app.number_input, "Length").value
    assert by_label(app.slider, "Which token").max == length
    assert any(f"seed 1, {length} tokens" in caption.value for caption in app.caption)


def test_generate_shows_the_text_of_home_with_the_settings_it_was_written_with(home_page):
    home_page.text_input[0].set_value("Once a lamp ")
    by_label(home_page.button, "Continue it").click().run()
    on_home = html_of(well(home_page))
    app = well(opened(home_page, "pages/4_Generate.py"))
    assert app.text_area[0].value == "Once a lamp "
    assert by_label(app.number_input, "Length").value == written.USUAL.max_new_tokens
    assert by_label(app.slider, "Which token").max == written.USUAL.max_new_tokens
    assert "Once a lamp </span>" in html_of(app) and "Once a lamp </span>" in on_home


def test_any_token_can_be_asked_how_it_was_chosen(home_page, finished_run):
    app = well(opened(home_page, "pages/4_Generate.py", finished_run))
    said = set()
    for token in (1, 80, 160):
        by_label(app.slider, "Which token").set_value(token).run()
        said |= {c.value for c in well(app).caption if c.value.startswith(f"Token {token} of 160")}
    assert len(said) == 3


def test_of_a_long_prompt_the_end_is_shown_and_one_that_is_too_long_is_refused(
    home_page, finished_run
):
    app = opened(home_page, "pages/4_Generate.py", finished_run)
    app.text_area[0].set_value("The sea sang. " * 500 + "\n" * 300 + "And then ").run()
    by_label(app.button, "Write").click().run()
    shown = re.search(r'"mg-prompt\\*">(.*?)</span>', html_of(well(app)))[1]
    assert "… " in shown and "And then" in shown
    assert len(shown) < 2 * written.SHOWN_CHARACTERS
    assert shown.count("\\n") < written.SHOWN_LINES
    app.text_area[0].set_value("a" * (prompts.MOST_CHARACTERS + 1)).run()
    by_label(app.button, "Write").click().run()
    assert "The prompt has 20,001 characters, at most 20,000 are taken" in app.error[0].value


def test_a_bpe_run_is_offered_a_beginning_in_whole_words_of_its_own(store):
    tokenizer = BPETokenizer.train("The tram came late. " * 20, 270)
    run_id = store.create_run(
        "class", "trams", None, tokenizer.to_json(), GPTConfig(tokenizer.vocab_size),
        TrainConfig(),
        results=Results(samples=[(1, "<0xCC>x The tram came late.")], state="stopped"),
    )  # fmt: skip
    assert prompts.opening(store.run(run_id)) == "The tram came"
