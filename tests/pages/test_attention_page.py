"""Attention: scrubbed, with long texts, and with bad input."""

import time

import numpy as np

from minigpt import tokenizers
from minigpt.interpret import attention
from minigpt.ui import choosing, prompts
from minigpt.ui.attention import maps
from minigpt.weights import load_model
from tests.pages.visits import by_label, html_of, opened, start_training, well


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
    assert "€" in notes and "The prompt has 35 tokens" in notes
    assert "oldest 19 are left out" in notes
    assert "&lt;unk&gt;" in html_of(app)


def test_attention_calls_its_text_a_text_and_one_token_is_one(home_page, finished_run):
    app = opened(home_page, "pages/3_Attention.py", finished_run)
    app.text_area[0].set_value("The river sings a").run()  # 17 characters for a context of 16
    notes = " ".join(c.value for c in well(app).caption)
    assert "The text has 17 tokens" in notes and "the oldest 1 is left out" in notes
    assert "prompt" not in notes


def test_the_shown_part_of_a_long_text_is_a_part_of_what_was_read(home_page, store, monkeypatch):
    monkeypatch.setattr(maps.plots, "MOST_ROWS", 96)
    run = store.find_run("demo")  # whose context holds 128
    text = ("Once there was a lamp in the harbour, and nobody lit it. " * 3)[:120]
    view = maps.compute(run, text, None)
    whole = attention(load_model(store, run), tokenizers.load(run.tokenizer).encode(text)).numpy()
    assert view.patterns.shape[2:] == (96, 120)
    np.testing.assert_allclose(view.patterns, whole[:, :, -96:], atol=1e-5)
    outside = whole[:, :, 24, :24].sum(axis=-1)
    assert outside.max() > 0.5, "the first row that is shown looks mostly outside"

    app = opened(home_page, "pages/3_Attention.py", run.id)
    app.text_area[0].set_value(text).run()
    said = " ".join(caption.value for caption in well(app).caption)
    assert "The model reads 120 tokens, the newest 96 are shown" in said and "earlier" in said


def test_the_chosen_moment_keeps_its_place_while_snapshots_arrive(home_page, store):
    run_id = start_training(home_page, Steps=100_000, Context=16, Width=8, Measure_every=10)

    def wait_for_moments(least: int) -> int:
        deadline = time.monotonic() + 60
        while (n := len(store.snapshot_steps(run_id))) < least:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return n

    n = wait_for_moments(4)
    app = well(opened(home_page, "pages/3_Attention.py", run_id))
    chosen = store.snapshot_steps(run_id)[2]
    by_label(app.select_slider, "Moment of training").set_value(chosen).run()
    wait_for_moments(n + 2)
    slider = by_label(well(app.run()).select_slider, "Moment of training")
    assert slider.value == chosen
    assert len(slider.options) > n
    slider.set_value(choosing.NEWEST).run()
    assert any("follows the training" in caption.value for caption in well(app).caption)


def test_a_text_longer_than_anyone_types_is_refused_in_a_sentence(home_page, finished_run):
    app = opened(home_page, "pages/3_Attention.py", finished_run)
    app.text_area[0].set_value("a" * (prompts.MOST_CHARACTERS + 1)).run()
    assert "The text has 20,001 characters, at most 20,000 are taken" in app.error[0].value
