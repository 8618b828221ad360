"""Generate: an example at first, seeds, long prompts, and bad input."""

import pytest
from streamlit.testing.v1 import AppTest

from minigpt.config import GPTConfig, SampleConfig, TrainConfig
from minigpt.generation import Candidate, Step, packed
from minigpt.metrics import Results
from minigpt.tokenizers import BPETokenizer, CharTokenizer
from minigpt.ui import prompts, written
from minigpt.ui.generate import head_off, page, task, temperature
from tests.pages.visits import (
    ROOT,
    by_label,
    html_of,
    open_side,
    opened,
    strip_of,
    wait_for,
    well,
)


def test_generate_writes_the_same_with_the_same_seed_and_other_with_another(
    home_page, finished_run
):
    app = opened(home_page, "pages/4_Generate.py", finished_run)
    by_label(app.slider, "Temperature").set_value(1.2)
    texts = []
    for seed in (1, 1, 2):
        by_label(app.number_input, "Seed").set_value(seed)
        by_label(app.button, "Write").click().run()
        texts.append("".join(strip_of(well(app))["labels"]))
    assert texts[0] == texts[1] != texts[2]


def test_generate_refuses_an_empty_prompt(home_page, finished_run):
    app = opened(home_page, "pages/4_Generate.py", finished_run)
    app.text_area[0].set_value("").run()
    by_label(app.button, "Write").click().run()
    assert "prompt is empty" in app.error[0].value


def test_generate_opened_directly_shows_an_example_whose_first_token_is_asked(
    home_page, finished_run
):
    app = well(opened(home_page, "pages/4_Generate.py", finished_run))
    shown, length = strip_of(app), by_label(app.number_input, "Length").value
    assert shown["shade"] and shown["chosen"] == 0
    assert len(shown["labels"]) == length and shown["rivals"]["labels"]
    assert any(f"seed 1, {length} tokens" in caption.value for caption in app.caption)


def test_generate_shows_the_text_of_home_with_the_settings_it_was_written_with(home_page):
    home_page.text_input[0].set_value("Once a lamp ")
    by_label(home_page.button, "Continue it").click().run()
    on_home = html_of(well(home_page))
    app = well(opened(home_page, "pages/4_Generate.py"))
    assert app.text_area[0].value == "Once a lamp "
    assert by_label(app.number_input, "Length").value == written.USUAL.max_new_tokens
    assert len(strip_of(app)["labels"]) == written.USUAL.max_new_tokens
    assert strip_of(app)["prompt"] == "Once a lamp " and "Once a lamp </span>" in on_home


def test_of_a_long_prompt_the_end_is_shown_and_one_that_is_too_long_is_refused(
    home_page, finished_run
):
    app = opened(home_page, "pages/4_Generate.py", finished_run)
    app.text_area[0].set_value("The sea sang. " * 500 + "\n" * 300 + "And then ").run()
    by_label(app.button, "Write").click().run()
    shown = strip_of(well(app))["prompt"]
    assert "… " in shown and "And then" in shown
    assert len(shown) < 2 * written.SHOWN_CHARACTERS
    assert shown.count("\n") < written.SHOWN_LINES
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


SIDES = list(page.SIDES)


@pytest.mark.parametrize("side", SIDES)
def test_every_side_is_drawn_for_the_demo(home_page, side):
    app = opened(home_page, "pages/4_Generate.py")
    by_label(app.number_input, "Length").set_value(20).run()
    well(open_side(app, side))


@pytest.mark.parametrize("side", SIDES)
def test_every_side_is_drawn_for_a_model_of_one_head_and_pieces_of_words(home_page, store, side):
    tokenizer = BPETokenizer.train("The tram came late. " * 40, 270)
    model = GPTConfig(tokenizer.vocab_size, 8, 1, 1, 4)
    body = "The tram came late. " * 40
    run_id = store.create_run(
        "class", "small", store.add_text("class", "tram", body), tokenizer.to_json(), model,
        TrainConfig(max_steps=2, batch_size=2),
    )  # fmt: skip
    wait_for(store, run_id, "finished")
    app = opened(home_page, "pages/4_Generate.py", run_id)
    by_label(app.number_input, "Length").set_value(12).run()
    by_label(app.text_input, "Stop at").set_value("e").run()
    by_label(app.button, "Write").click().run()
    well(open_side(app, side))


def test_whoever_may_not_read_the_text_is_not_told_what_stands_in_it(home_page, store):
    tokenizer = CharTokenizer.train("The secret of the sea. ")
    body = "The secret of the sea. " * 400
    run_id = store.create_run(
        "somebody else", "theirs", store.add_text("somebody else", "secret", body),
        tokenizer.to_json(), GPTConfig(tokenizer.vocab_size, 8, 1, 1, 4),
        TrainConfig(max_steps=2, batch_size=2),
    )  # fmt: skip
    wait_for(store, run_id, "finished")
    app = open_side(opened(home_page, "pages/4_Generate.py", run_id), "Copied?")
    assert "is its owner's" in app.error[0].value and "mg-copied" not in html_of(app)
    for side in ("Side by side", "Through training"):
        app = well(open_side(app, side))
        said = [caption.value for caption in app.markdown] + [str(t.value) for t in app.table]
        assert not any("copied" in words for words in said)


@pytest.mark.parametrize("stop", ["e", "\\n", "never met"])
def test_a_text_ends_where_the_stop_string_stands(home_page, stop):
    app = opened(home_page, "pages/4_Generate.py")
    by_label(app.text_input, "Stop at").set_value(stop)
    by_label(app.button, "Write").click().run()
    written_text = "".join(strip_of(well(app))["labels"])
    meant = stop.replace("\\n", "⏎")
    assert meant not in written_text[:-1]
    assert (written_text.endswith(meant)) == (stop != "never met")
    assert any("stop at" in caption.value for caption in app.caption)


def test_the_settings_of_a_text_are_told_and_what_is_as_usual_is_not():
    usual = task.described(SampleConfig())
    assert usual == "Temperature 0.8"
    told = task.described(SampleConfig(top_k=3, min_p=0.05, repetition_penalty=1.2, stop="\n"))
    assert told == "Temperature 0.8, top-k 3, min-p 0.05, repetition penalty 1.2, stop at `⏎`"


def test_two_texts_part_where_they_first_differ_or_one_ends():
    assert head_off.parting([1, 2, 3], [1, 2, 3]) is None
    assert head_off.parting([1, 2, 3], [1, 5, 3]) == 1
    assert head_off.parting([1, 2], [1, 2, 3]) == 2


def test_a_choice_that_cannot_be_is_refused_and_a_branch_keeps_what_is_before_it():
    rivals = [Candidate(3, 0.5, 0.6, None, 1), Candidate(4, 0.3, 0.0, "top_k", 2)]
    steps = [Step(3, 0.5, packed(rivals), 0.6, 1, 0) for _ in range(3)]
    first = written.Writing("run", 1, "The", SampleConfig(), steps, finished=True)
    other = written.branch(first, 1, 4)
    assert [step.id for step in other.steps] == [3, 4] and other.choices == ((1, 4),)
    assert (other.steps[1].prob, other.steps[1].rank) == (0.3, 2) and not other.finished
    assert [step.id for step in first.steps] == [3, 3, 3]
    for at, id in ((3, 4), (1, 9)):
        with pytest.raises(written.ChoiceError):
            written.branch(first, at, id)


def test_entropy_is_the_yes_or_no_questions_a_choice_takes():
    eight = [Candidate(i, 1 / 8, float(i == 0), None, 1) for i in range(8)]
    step = Step(0, 1 / 8, packed(eight), 1.0, 1, 0)
    assert temperature._entropy(step, "prob") == pytest.approx(3)
    assert temperature._entropy(step, "drawn_from") == 0


def test_an_address_with_a_chosen_token_writes_both_texts_in_one_go(home_page, store):
    app = opened(home_page, "pages/4_Generate.py")
    steps = app.session_state["written"].steps
    other = next(one.id for one in steps[4].candidates if one.id != steps[4].id)
    cold = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    del cold.session_state["written"]  # Home wrote one
    cold.query_params["choices"] = f"4:{other}"
    opened(cold, "pages/4_Generate.py")
    assert not cold.exception and [error.value for error in cold.error] == []
    now = cold.session_state["written"]
    assert now.choices == ((4, other),) and now.steps[4].id == other
    assert [step.id for step in now.steps[:4]] == [step.id for step in steps[:4]]
    assert len(now.steps) == len(steps)


def test_a_page_drawn_anew_while_it_writes_leaves_the_text_as_it_would_have_been(
    store, monkeypatch
):
    """Streamlit may run the new script while the old one is still writing, until that draws."""
    run = store.find_run("demo")
    config = SampleConfig(max_new_tokens=40, seed=3)
    monkeypatch.setattr(written, "FRAME_SECONDS", 0.0)
    monkeypatch.setattr(written, "draw", lambda *_, **__: None)
    whole = written.go_on(run, written.begin(run, "Once ", config), None)
    interrupted, at = written.begin(run, "Once ", config), []

    def meanwhile(writing, *_, **__):
        at.append(len(writing.steps))
        if len(at) == 10:  # the old script is here, and the new one begins
            written.go_on(run, writing, None)

    monkeypatch.setattr(written, "draw", meanwhile)
    written.go_on(run, interrupted, None)
    assert len(at) > 40 and interrupted.finished
    assert [step.id for step in interrupted.steps] == [step.id for step in whole.steps]


def test_a_token_that_cannot_be_chosen_is_told_until_something_is_written_anew(home_page):
    home_page.query_params["choices"] = "900:1"
    app = opened(home_page, "pages/4_Generate.py")
    for _ in range(2):  # the browser has the page drawn again at once
        assert any("cannot be chosen" in warning.value for warning in app.warning)
        app.run()
    by_label(app.button, "Write").click().run()
    assert not any("cannot be chosen" in warning.value for warning in well(app).warning)
