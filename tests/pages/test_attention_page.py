"""Attention: scrubbed, played, with long texts, beside others, and with bad input."""

import time

import numpy as np
import pytest

from minigpt import plots, tokenizers
from minigpt.config import GPTConfig, InputError, TrainConfig
from minigpt.interpret import attention
from minigpt.store import EVERYONE
from minigpt.tokenizers import CharTokenizer
from minigpt.ui import measured, moment, prompts, words
from minigpt.ui.attention import reading
from minigpt.weights import load_model
from tests.pages.visits import by_label, html_of, opened, start_training, well

PAGE = "pages/3_Attention.py"


def captions(app) -> str:
    return " ".join(caption.value for caption in well(app).caption)


def test_attention_can_be_scrubbed_and_refuses_an_empty_text(home_page, finished_run):
    app = well(opened(home_page, PAGE, finished_run))
    app.select_slider[0].set_value(app.select_slider[0].options[0] and 0).run()
    well(app)
    app.text_area[0].set_value("").run()
    assert "write at least one character" in app.error[0].value


def test_attention_and_generate_name_unknown_characters(home_page, finished_run):
    app = opened(home_page, PAGE, finished_run)
    app.text_area[0].set_value("Nell € Bram").run()
    assert any("€" in c.value and "<unk>" in c.value for c in well(app).caption)
    app = opened(home_page, "pages/4_Generate.py", finished_run)
    app.text_area[0].set_value("Nell € " * 5).run()
    by_label(app.button, "Write").click().run()
    notes = captions(app)
    assert "€" in notes and "The prompt has 35 tokens" in notes
    assert "oldest 19 are left out" in notes
    assert "&lt;unk&gt;" in html_of(app)


def test_attention_calls_its_text_a_text_and_one_token_is_one(home_page, finished_run):
    app = opened(home_page, PAGE, finished_run)
    app.text_area[0].set_value("The river sings a").run()  # 17 characters for a context of 16
    notes = captions(app)
    assert "The text has 17 tokens" in notes and "the oldest 1 is left out" in notes
    assert "prompt" not in notes


def test_the_shown_part_of_a_long_text_is_a_part_of_what_was_read(home_page, store, monkeypatch):
    monkeypatch.setattr(reading.plots, "MOST_ROWS", 96)
    run = store.find_run("demo")  # whose context holds 128
    text = ("Once there was a lamp in the harbour, and nobody lit it. " * 3)[:120]
    view = reading.view(run, text, None)
    whole = attention(load_model(store, run), tokenizers.load(run.tokenizer).encode(text)).numpy()
    assert view.patterns.shape[2:] == (96, 120)
    np.testing.assert_allclose(view.patterns, whole[:, :, -96:], atol=1e-5)
    np.testing.assert_array_equal(view.small, plots.thumbnail(view.patterns))
    np.testing.assert_allclose(view.map(1, "average"), whole[1, :, -96:].mean(0), atol=1e-5)
    assert view.file("attention") == f"{words.file_name(run)}-step{run.step}-attention"

    app = opened(home_page, PAGE, run.id)
    app.text_area[0].set_value(text).run()
    said = captions(app)
    assert "The model reads 120 tokens, the newest 96 are shown" in said and "earlier" in said


def test_of_many_heads_few_rows_are_shown_and_none_stays_in_memory(store, monkeypatch):
    """48 × 64 heads took 2.2 GB, and a message of as much."""
    run = store.find_run("demo")
    text = ("Once there was a lamp in the harbour, and nobody lit it. " * 3)[:120]
    whole, heads = reading.view(run, text, None), 9
    monkeypatch.setattr(reading, "MOST_WEIGHTS", heads * 120 * 50)
    monkeypatch.setattr(reading, "KEPT_WEIGHTS", heads * 120 * 50 - 1)
    monkeypatch.setattr(reading, "MOST_BOARD", heads * 20**2)
    few = reading.view(run, text, None)
    assert (few.rows, few.patterns) == (50, None) and few.small.shape == (3, 3, 20, 20)
    assert any("the newest 50 are shown" in note for note in few.notes)
    for head in (0, 2, "average"):
        np.testing.assert_allclose(few.map(1, head), whole.map(1, head)[-50:], atol=1e-5)
        one, highest = few.norms(2, head)
        every, of_all = whole.norms(2, head)
        np.testing.assert_allclose(one, every[-50:], rtol=1e-4, atol=1e-6)
        assert 0 < highest <= of_all * 1.0001


def test_the_chosen_moment_keeps_its_place_while_snapshots_arrive(home_page, store):
    run_id = start_training(home_page, Steps=100_000, Context=16, Width=8, Measure_every=10)

    def wait_for_moments(least: int) -> int:
        deadline = time.monotonic() + 60
        while (n := len(store.snapshot_steps(run_id))) < least:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return n

    n = wait_for_moments(4)
    app = well(opened(home_page, PAGE, run_id))
    chosen = store.snapshot_steps(run_id)[2]
    by_label(app.select_slider, "Moment of training").set_value(chosen).run()
    wait_for_moments(n + 2)
    slider = by_label(well(app.run()).select_slider, "Moment of training")
    assert slider.value == chosen
    assert len(slider.options) > n
    slider.set_value(moment.NEWEST).run()
    assert any("follows the training" in caption.value for caption in well(app).caption)


def test_playing_goes_from_moment_to_moment_and_ends_at_the_newest(home_page, store, monkeypatch):
    monkeypatch.setattr(moment, "PLAY_SECONDS", 0.01)
    steps = store.snapshot_steps(store.find_run("demo").id)
    app = well(opened(home_page, PAGE))
    by_label(app.button, "Play").click().run()
    seen = []
    for _ in range(len(steps) + 2):
        seen.append(by_label(well(app).select_slider, "Moment of training").value)
        if any(button.label == "Play" for button in app.button):
            break
        app.run()
    assert seen[-1] == moment.NEWEST and seen[:-1] == sorted(seen[:-1])
    assert len(seen) >= len(steps) - 2


def test_a_text_longer_than_anyone_types_is_refused_in_a_sentence(home_page, finished_run):
    app = opened(home_page, PAGE, finished_run)
    app.text_area[0].set_value("a" * (prompts.MOST_CHARACTERS + 1)).run()
    assert "The text has 20,001 characters, at most 20,000 are taken" in app.error[0].value


@pytest.mark.parametrize("text", ["a", "zzzzzzzzzzzz", "<b onload=x>*_$~`", "€"])
def test_any_short_text_has_its_picture(home_page, text):
    app = opened(home_page, PAGE)
    app.text_area[0].set_value(text).run()
    well(app)


def test_a_passage_of_the_text_and_what_generate_wrote_are_a_click_away(home_page, store):
    body = store.text(store.find_run("demo").text_id)
    app = opened(home_page, PAGE)
    seen = set()
    for _ in range(3):
        by_label(app.button, "A passage of its text").click().run()
        seen.add(by_label(well(app).text_area, "Text to look at").value)
    assert len(seen) == 3 and all(passage in body and passage for passage in seen)
    opened(app, "pages/4_Generate.py")
    by_label(app.button, "See its attention").click().run()
    shown = by_label(well(app).text_area, "Text to look at").value
    assert shown.startswith("Once there was ") and len(shown) > 40
    opened(app, PAGE).text_area[0].set_value("another").run()
    by_label(app.button, "What it wrote last").click().run()
    assert by_label(well(app).text_area, "Text to look at").value == shown


def test_what_a_head_does_is_told_with_its_interval_and_what_chance_gives(home_page, store):
    run = store.find_run("demo")
    app = opened(home_page, PAGE)
    scores = measured.scores(run, run.step)
    layer, head = measured._clearest(run)
    role, lift = scores.roles[layer][head], scores.lifts["previous token"][layer, head]
    said = " ".join(m.value for m in well(app).markdown)
    assert f"Layer {layer}, head {head}: {role}" in said
    (table,) = [t.value for t in app.table if "Lift" in t.value]
    row = table[table["Role"] == "previous token"].iloc[0]
    assert row["Lift"] == f"{lift:.2f}" and row["By chance"].endswith("%")


def test_a_finished_run_is_shown_with_its_clearest_head_first(home_page, store):
    run = store.find_run("demo")
    app = well(opened(home_page, PAGE))
    found = measured.scores(run, run.step)
    layer, head = (by_label(app.button_group, name).value for name in ("Layer", "Head"))
    role = found.roles[layer][head]
    best = {
        (i, j): found.lifts[name][i, j]
        for i, names in enumerate(found.roles)
        for j, name in enumerate(names)
        if name != "unclear"
    }
    assert best[layer, head] == max(best.values()) and len(best) > 1
    assert any(f"Layer {layer}, head {head}: {role}" in m.value for m in app.markdown)


def test_the_role_that_is_shown_through_training_stands_in_the_address(home_page):
    app = well(opened(home_page, PAGE))
    by_label(app.button_group, "Role").set_value("broad").run()
    assert well(app).query_params["role"] == "broad"
    app.query_params["role"] = "clairvoyant"
    app.run()
    assert "it can be" in app.warning[0].value and not app.exception


def test_weights_that_are_let_go_while_they_are_looked_at_are_told(
    home_page, finished_run, monkeypatch
):
    def gone(*_):
        raise InputError("of that step no weights are kept")

    monkeypatch.setattr(measured, "scores", gone)  # after the pictures of the same step were drawn
    app = opened(home_page, PAGE, finished_run)
    assert not app.exception
    assert any("no weights are kept" in c.value for c in [*app.caption, *app.error])


def test_a_head_that_is_switched_off_tells_its_effect_with_an_interval(home_page, store):
    run = store.find_run("demo")
    app = well(opened(home_page, PAGE))
    layer, head = measured._clearest(run)
    effects = measured.effect(run, run.step, layer, head, "zero")
    card = next(m for m in app.metric if "With nothing in its place" in m.label)
    assert card.value == f"{effects.delta[layer, head]:+.3f} nats".replace("-", "−")
    assert f"{effects.low[layer, head]:+.3f}".replace("-", "−") in card.delta


@pytest.mark.parametrize("against", ["head", "moment"])
def test_two_heads_or_moments_are_compared_on_the_same_text(home_page, against):
    app = opened(home_page, PAGE)
    by_label(app.button_group, "Compare with").set_value(against).run()
    assert "of a token's attention lies elsewhere" in captions(app)
    assert app.query_params["against"] == against


def test_two_runs_that_cut_a_text_differently_have_no_difference(home_page, store, finished_run):
    app = opened(home_page, PAGE, finished_run)
    by_label(app.button_group, "Compare with").set_value("run").run()
    well(app)
    assert by_label(app.selectbox, "Other run").value


def test_a_run_of_one_layer_and_one_head_and_a_tiny_text_is_shown(home_page, store):
    tokenizer = CharTokenizer.train("abcab ")
    text_id = store.add_text(EVERYONE, "tiny", "abcab " * 4)
    run_id = store.create_run(
        EVERYONE, "tiny", text_id, tokenizer.to_json(),
        GPTConfig(tokenizer.vocab_size, 4, 1, 1, 4), TrainConfig(max_steps=2, batch_size=1),
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while store.weights_step(run_id) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    app = opened(home_page, PAGE, run_id)
    assert "takes a longer one" in captions(app)
    store.delete_run(run_id)


def test_a_run_that_is_deleted_meanwhile_is_told(home_page, finished_run, store):
    app = well(opened(home_page, PAGE, finished_run))
    store.delete_run(finished_run)
    app.run()
    assert not app.exception and any("demo is shown" in e.value for e in app.error)


def test_the_demo_is_measured_on_its_own_unseen_text_and_a_stranger_reads_what_it_wrote(
    home_page, store
):
    run = store.find_run("demo")
    own, written = measured.sample(run), measured.sample(run, reads_text=False)
    assert own.held_out and not written.held_out
    assert own.windows.shape[1] == 128 and own.windows.dtype == np.int64
    assert not np.array_equal(own.windows[:8], written.windows[:8])
