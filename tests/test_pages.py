"""Each page as Streamlit's own test runner sees it: with the demo, with a run, with bad input."""

import os
import time
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from minigpt import bundle, tokenizers
from minigpt.config import PRESETS
from minigpt.corpus.downloads import Download
from minigpt.speed import BUDGETS, Speed, work
from minigpt.store import Store, StoreError
from minigpt.ui import frame, services, sources

ROOT = Path(__file__).resolve().parents[1]
PAGES = ["pages/1_Data.py", "pages/2_Train.py", "pages/3_Attention.py", "pages/4_Generate.py"]


@pytest.fixture(scope="module", autouse=True)
def one_home(tmp_path_factory):
    """One store and one worker for all pages, as on one server."""
    kept = dict(os.environ)
    os.environ |= {
        "MINIGPT_HOME": str(tmp_path_factory.mktemp("home")),
        "MINIGPT_WORKSPACE": "class",
    }
    os.chdir(ROOT)
    yield
    os.environ.clear()
    os.environ.update(kept)
    st.cache_resource.clear()


@pytest.fixture
def store() -> Store:
    """The store of all these tests; what still trains at the end of one is stopped."""
    yield services.store()
    for run in services.store().runs():
        if run.active:
            services.store().wish(run.id, "stopped")
    while any(run.active for run in services.store().runs()):
        time.sleep(0.05)


@pytest.fixture
def home_page() -> AppTest:
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()


def opened(app: AppTest, page: str, run: str | None = None) -> AppTest:
    if run:
        app.query_params["run"] = run
    return app.switch_page(page).run()


def data_page(app: AppTest, source: str) -> AppTest:
    """The Data page with the tab of that source open."""
    opened(app, "pages/1_Data.py")
    app.session_state["source"] = source
    return app.run()


def wait_for(store: Store, run_id: str, state: str) -> None:
    deadline = time.monotonic() + 60
    while store.run(run_id).state != state:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def well(app: AppTest) -> AppTest:
    """The page, once sure that it shows no error and no traceback."""
    assert not app.exception
    assert [error.value for error in app.error] == []
    return app


def by_label(widgets, label: str):
    return next(widget for widget in widgets if widget.label == label)


def html_of(app: AppTest) -> str:
    return "".join(str(element.proto) for element in app.get("html"))


def start_training(app: AppTest, **settings) -> str:
    """Fills in the settings, presses Start, and returns the id of the run in the URL."""
    opened(app, "pages/2_Train.py")
    for label, value in settings.items():
        by_label(app.number_input, label.replace("_", " ")).set_value(value)
    app.run()
    by_label(app.button, "Start training").click().run()
    return app.query_params["run"]


SMALL = {"Steps": 30, "Context": 16, "Width": 8, "Measure_every": 10}


@pytest.fixture(scope="module")
def finished_run(one_home) -> str:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    run_id = start_training(app, **SMALL)
    deadline = time.monotonic() + 60
    while services.store().run(run_id).state != "finished":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return run_id


def test_home_greets_with_a_text_it_writes_itself(home_page):
    well(home_page)
    assert "mg-prompt" in html_of(home_page)
    assert "Understand a GPT" in home_page.title[0].value


@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_the_demo_before_anything_was_trained(home_page, page):
    app = well(opened(home_page, page))
    assert app.selectbox[0].options[0]


@pytest.mark.parametrize("page", ["app.py", *PAGES])
def test_every_page_shows_a_trained_run(home_page, finished_run, page):
    well(opened(home_page, page, finished_run))


@pytest.mark.parametrize("page", ["app.py", *PAGES])
def test_a_run_that_does_not_exist_is_one_sentence_and_the_demo(home_page, page):
    app = opened(home_page, page, "nonsense")
    assert not app.exception
    assert len(app.error) == 1
    assert "There is no run 'nonsense'" in app.error[0].value


def test_a_started_run_is_in_the_store_with_its_settings(home_page, store):
    run = store.run(start_training(home_page, **{**SMALL, "Steps": 25}))
    assert (run.train.max_steps, run.model.block_size, run.model.n_embd) == (25, 16, 8)
    assert run.workspace == "class"


def test_a_refused_start_says_why_and_keeps_every_choice(home_page, store):
    before = len(store.runs())
    opened(home_page, "pages/2_Train.py")
    by_label(home_page.number_input, "Width").set_value(10).run()
    assert any("multiple of the number of heads" in w.value for w in home_page.warning)
    by_label(home_page.button, "Start training").click().run()
    assert not home_page.exception
    assert "multiple of the number of heads" in home_page.error[0].value
    assert by_label(home_page.number_input, "Width").value == 10
    assert len(store.runs()) == before


def test_a_text_shorter_than_the_context_is_refused_where_start_is(home_page):
    data_page(home_page, "Paste")
    home_page.text_area[0].set_value("hello hello hello").run()
    by_label(home_page.button, "Keep this text").click().run()
    well(home_page)
    opened(home_page, "pages/2_Train.py")
    by_label(home_page.number_input, "Context").set_value(64).run()
    by_label(home_page.button, "Start training").click().run()
    assert "choose a context of at most" in home_page.error[0].value


def test_running_can_be_paused_resumed_and_stopped(home_page, store):
    run_id = start_training(home_page, **{**SMALL, "Steps": 100_000})
    for label, state in (("Pause", "paused"), ("Resume", "running"), ("Stop", "stopped")):
        by_label(home_page.button, label).click().run()
        deadline = time.monotonic() + 30
        while store.run(run_id).state != state:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        well(home_page.run())
    assert "Pause" not in [button.label for button in home_page.button]


def test_another_s_run_can_be_watched_but_not_controlled(home_page, store):
    some = store.run(start_training(home_page, **{**SMALL, "Steps": 100_000}))
    foreign = store.create_run(
        "stranger", "theirs", some.text_id, some.tokenizer, some.model, some.train
    )
    app = well(opened(home_page, "pages/2_Train.py", foreign))
    assert not {"Pause", "Resume", "Stop"} & {button.label for button in app.button}
    assert foreign not in [run.id for run in store.runs("class")]


@pytest.mark.parametrize(
    "name, data, said",
    [
        ("empty.txt", b"", "empty"),
        ("one.txt", b"a", "1 character"),
        ("photo.txt", b"\x89PNG\r\n\x1a\n\x00\x00\xff", "picture (PNG), not text"),
        ("noise.txt", bytes(range(256)) * 9, "not text in any encoding"),
    ],
)
def test_a_bad_upload_is_refused_in_a_sentence(home_page, store, name, data, said):
    opened(home_page, "pages/1_Data.py")
    home_page.file_uploader[0].set_value((name, data, "text/plain")).run()
    assert not home_page.exception
    assert name in home_page.error[0].value and said in home_page.error[0].value
    assert name not in [text.name for text in store.texts("class")]


def test_an_uploaded_text_is_kept_chosen_and_shown(home_page, store):
    opened(home_page, "pages/1_Data.py")
    body = "Ein Zwölftel Käse.\n" * 50
    home_page.file_uploader[0].set_value(("käse.txt", body.encode(), "text/plain")).run()
    well(home_page)
    chosen = by_label(home_page.selectbox, "Look at")
    assert "käse.txt" in chosen.format_func(chosen.value)
    assert home_page.metric[0].value == f"{len(body):,}"
    assert store.text(chosen.value) == body


def test_an_empty_paste_is_refused(home_page):
    data_page(home_page, "Paste")
    by_label(home_page.button, "Keep this text").click().run()
    assert "at least 2" in home_page.error[0].value


def test_a_pasted_text_that_looks_like_html_stays_text(home_page):
    data_page(home_page, "Paste")
    home_page.text_area[0].set_value("<script>alert(1)</script> <img src=x> " * 5).run()
    by_label(home_page.button, "Keep this text").click().run()
    well(home_page)
    shown = html_of(home_page)
    assert ">&lt;</bdi>" in shown  # each character is a chip of its own
    assert "><</bdi>" not in shown
    assert "&lt;script&gt;" in shown  # and the preview
    assert "<script>" not in shown


RUSSIAN = "В старой деревне у реки жил мельник, и были у него три сына и мельница.\n" * 30


def test_a_guessed_encoding_waits_for_the_person_and_good_files_do_not_wait(home_page, store):
    opened(home_page, "pages/1_Data.py")
    files = [
        ("letter.txt", RUSSIAN.encode("cp1251"), "text/plain"),
        ("nothing.txt", b"", "text/plain"),
        ("fine.txt", b"all is well here, all is well", "text/plain"),
    ]
    home_page.file_uploader[0].set_value(files).run()
    assert not home_page.exception
    assert [error.value for error in home_page.error] == [
        "nothing.txt is empty: choose a file with some text in it."
    ]
    names = {text.name for text in store.texts("class")}
    assert "fine.txt" in names and "letter.txt" not in names
    assert by_label(home_page.selectbox, "Encoding").value == "cp1251"
    assert "мельник" in html_of(home_page)
    by_label(home_page.button, "It reads well, take it").click().run()
    assert not home_page.exception
    kept = next(text for text in store.texts("class") if text.name == "letter.txt")
    assert store.text(kept.id) == RUSSIAN


def test_a_text_of_the_library_and_a_world_are_taken_at_a_click(home_page, store):
    data_page(home_page, "Library")
    by_label(home_page.selectbox, "Which").select("shakespeare/hamlet").run()
    home_page.button(key="take-shakespeare").click().run()
    well(home_page)
    assert "Hamlet" in [text.name for text in store.texts("class")]

    data_page(home_page, "Worlds")
    by_label(home_page.selectbox, "World").select("markov").run()
    by_label(home_page.slider, "Bits per character").set_value(1.5).run()
    by_label(home_page.button, "Write it").click().run()
    well(home_page)
    written = next(text for text in store.texts("class") if "1.5 bits" in text.name)
    assert '"bits": 1.5' in written.origin
    assert any("1.50 bits per character" in caption.value for caption in home_page.caption)


def test_a_download_without_a_network_says_so(home_page, store, monkeypatch):
    book = Download("A book", "About.", "Free", "http://127.0.0.1:9/book.txt")
    monkeypatch.setattr(sources, "DOWNLOADS", {"book": book})
    data_page(home_page, "Downloads")
    by_label(home_page.button, "Download").click().run()
    assert not home_page.exception
    assert "check that this machine is online" in home_page.error[0].value


def test_a_clean_up_says_what_it_changes_and_makes_another_text(home_page, store):
    data_page(home_page, "Paste")
    body = "One\r\ntwo\r\n" * 20
    home_page.text_area[0].set_value(body).run()
    by_label(home_page.button, "Keep this text").click().run()
    by_label(home_page.toggle, "Make all line ends alike").set_value(True).run()
    assert any("40 of 200 characters go." in caption.value for caption in home_page.caption)
    by_label(home_page.button, "Keep the cleaned text").click().run()
    well(home_page)
    chosen = by_label(home_page.selectbox, "Look at").value
    assert store.text(chosen) == body.replace("\r", "")
    assert body in [store.text(text.id) for text in store.texts("class")]


def test_bpe_can_be_watched_merging_and_its_vocabulary_searched(home_page):
    data_page(home_page, "Paste")
    home_page.text_area[0].set_value("the cat and the hat and the mat\n" * 30).run()
    by_label(home_page.button, "Keep this text").click().run()
    home_page.session_state["tokenizer_kind"] = "bpe"
    well(home_page.run())
    by_label(home_page.number_input, "Vocabulary").set_value(300).run()
    by_label(home_page.text_input, "A sentence of yours").set_value("that cat").run()
    by_label(home_page.slider, "Merges done").set_value(0).run()
    assert any("Before the first merge" in caption.value for caption in home_page.caption)
    by_label(home_page.button, "Next merge here").click().run()
    well(home_page)
    assert any("became one" in caption.value for caption in home_page.caption)
    tables = len(home_page.dataframe)
    by_label(home_page.text_input, "Find").set_value("cat").run()
    well(home_page)
    assert len(home_page.dataframe) == tables
    found = next(table.value for table in home_page.dataframe if "Joined from" in table.value)
    assert found["Token"].str.contains("cat").all() and len(found)


def test_a_bpe_run_trains_and_is_compared_in_bits_per_character(home_page, store):
    home_page.session_state["tokenizer_kind"] = "bpe"
    run = store.run(start_training(home_page, **SMALL))
    assert "modern, BPE " in run.name
    assert tokenizers.load(run.tokenizer).kind == "bpe"
    assert run.characters_per_token > 1.5
    assert set(services.guides(run)) == {"uniform", "bigram", "trigram"}
    wait_for(store, run.id, "finished")
    well(home_page.run())
    loss = store.curves(run.id).val_loss[-1]
    shown = next(metric for metric in home_page.metric if metric.label == "Loss on unseen text")
    assert f"{loss / 0.693147 / run.characters_per_token:.2f} bits" in shown.delta
    for page in PAGES[2:]:
        well(opened(home_page, page, run.id))


def test_a_run_on_a_world_is_measured_against_its_floor_and_in_right_answers(home_page, store):
    data_page(home_page, "Worlds")
    by_label(home_page.selectbox, "World").select("copy").run()
    by_label(home_page.button, "Write it").click().run()
    run = store.run(start_training(home_page, **SMALL))
    assert services.guides(run)[services.FLOOR] == pytest.approx(1.1364, abs=1e-3)
    wait_for(store, run.id, "finished")
    well(home_page.run())
    shares = store.curves(run.id).accuracy
    assert ((shares >= 0) & (shares <= 1)).any()
    assert any("Right answers:" in words.value for words in home_page.markdown)


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


def test_a_double_click_on_start_starts_one_run(home_page, store):
    opened(home_page, "pages/2_Train.py")
    for label, value in {**SMALL, "Steps": 26}.items():
        by_label(home_page.number_input, label.replace("_", " ")).set_value(value)
    home_page.run()
    before = len(store.runs())
    for _ in range(2):
        by_label(home_page.button, "Start training").click().run()
    well(home_page)
    assert len(store.runs()) == before + 1


def test_a_fifth_run_of_one_workspace_is_told_its_place_in_line(home_page, store):
    runs = [start_training(home_page, **{**SMALL, "Steps": 90_000 + i}) for i in range(5)]
    deadline = time.monotonic() + 30
    while len(store.running()) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    well(home_page.run())
    assert store.run(runs[4]).state == "queued"
    assert any("Number 1 in line" in info.value for info in home_page.info)
    opened(home_page, "pages/2_Train.py", runs[0])
    assert any("4 runs share this machine" in caption.value for caption in home_page.caption)


def test_a_paused_run_makes_one_step_and_an_ended_one_trains_longer(home_page, store):
    run_id = start_training(home_page, **{**SMALL, "Steps": 80_000})

    def until(state: str, step: int = 0) -> None:
        deadline = time.monotonic() + 30
        while (run := store.run(run_id)).state != state or run.step < step:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        well(home_page.run())

    until("running", 1)
    by_label(home_page.button, "Pause").click().run()
    until("paused")
    step = store.run(run_id).step
    by_label(home_page.button, "One step").click().run()
    until("paused", step + 1)
    assert store.run(run_id).step == step + 1
    by_label(home_page.button, "Stop").click().run()
    until("stopped")
    by_label(home_page.number_input, "Further steps").set_value(7)
    by_label(home_page.button, "Go on").click().run()
    until("finished", step + 8)


def test_a_run_can_be_renamed_and_deleted_and_a_bad_name_is_refused(home_page, store):
    run_id = start_training(home_page, **{**SMALL, "Steps": 22})
    by_label(home_page.text_input, "Name").set_value("   ").run()
    by_label(home_page.button, "Keep this name").click().run()
    assert "between 1 and 80" in home_page.error[0].value
    by_label(home_page.text_input, "Name").set_value("a *bold* name").run()
    by_label(home_page.button, "Keep this name").click().run()
    assert "a \\*bold\\* name" in [title.value for title in well(home_page).subheader]
    by_label(home_page.button, "Delete this run").click().run()
    assert run_id not in [run.id for run in store.runs()]
    assert "run" not in well(home_page).query_params


def test_a_duplicate_begins_with_the_settings_of_its_model(home_page, store):
    first = store.run(start_training(home_page, **{**SMALL, "Steps": 23}))
    by_label(home_page.button, "Duplicate").click().run()
    assert by_label(home_page.number_input, "Width").value == 8
    by_label(home_page.number_input, "Steps").set_value(24).run()
    by_label(home_page.button, "Start training").click().run()
    copy = store.run(well(home_page).query_params["run"])
    assert copy.id != first.id
    assert (copy.model, copy.text_id) == (first.model, first.text_id)
    assert copy.train == first.train.replace(max_steps=24)


@pytest.mark.parametrize("page", ["app.py", *PAGES])
def test_a_disk_that_refuses_is_told_on_every_page(home_page, page, monkeypatch):
    monkeypatch.setattr(services, "trouble", lambda: "store.sqlite – the disk is full")
    app = opened(home_page, page)
    assert not app.exception
    assert "Training waits: store.sqlite – the disk is full." in app.error[0].value


def test_a_page_is_shown_even_when_the_look_at_it_cannot_be_written(home_page, store, monkeypatch):
    def refuse(run_id: str) -> None:
        raise StoreError("store.sqlite – the disk is full")

    monkeypatch.setattr(store, "look", refuse)
    app = opened(home_page, "pages/3_Attention.py")
    assert not app.exception
    assert app.error[0].value == "store.sqlite – the disk is full."
    assert app.text_area[0].value


def test_a_file_that_is_no_run_is_refused_and_a_run_is_taken(home_page, store, finished_run):
    opened(home_page, "pages/2_Train.py")
    uploader = home_page.file_uploader[0]
    uploader.set_value(("bad.safetensors", b"no run", "application/octet-stream")).run()
    assert "not a run exported by minigpt" in home_page.error[0].value
    data = bundle.export_run(store, store.run(finished_run))
    home_page.file_uploader[0].set_value(("run.safetensors", data, "")).run()
    imported = store.run(well(home_page).query_params["run"])
    assert imported.imported and imported.workspace == "class"
    assert "Train longer" not in [button.label for button in home_page.button]


@pytest.mark.parametrize(
    "name", ["![x](http://a.b/c.png)", ":material/home:", "$5 and $10", "a_b_"]
)
def test_a_name_that_looks_like_markdown_stays_text(name):
    shown = frame.plain(name)
    assert shown != name
    assert shown.replace("\\", "") == name


SPEED = Speed({name: work(p.model(100), p.train) / 1e9 for name, p in PRESETS.items()})


def test_every_switch_can_be_set_and_stands_in_the_run_s_name(home_page, store):
    opened(home_page, "pages/2_Train.py")
    by_label(home_page.selectbox, "Activation").set_value("swiglu")
    by_label(home_page.selectbox, "Optimizer").set_value("adamw")
    by_label(home_page.toggle, "QK-norm").set_value(False)
    run = store.run(start_training(home_page, **SMALL))
    assert (run.model.activation, run.train.optimizer) == ("swiglu", "adamw")
    assert run.model.qk_norm is False and run.model.position == "rope"
    assert "activation swiglu" in run.name or "width 8" in run.name


def test_the_time_a_preset_takes_stands_with_it(home_page, monkeypatch):
    monkeypatch.setattr(services, "speed", lambda: None)
    assert any("being measured" in c.value for c in opened(home_page, "pages/2_Train.py").caption)
    monkeypatch.setattr(services, "speed", lambda: SPEED)
    well(home_page.run())
    assert any("take about **" in caption.value for caption in home_page.caption)
    assert "speedrun 0:0" in by_label(home_page.button_group, "Preset").help


def test_the_budget_dial_picks_a_model_that_fits_and_lets_go(home_page, monkeypatch):
    monkeypatch.setattr(services, "speed", lambda: SPEED)
    opened(home_page, "pages/2_Train.py")
    steps = {}
    for seconds in BUDGETS:
        by_label(home_page.button_group, "Or by the time you have").set_value(seconds).run()
        well(home_page)
        steps[seconds] = by_label(home_page.number_input, "Steps").value
        preset = SPEED.for_budget(seconds)
        assert steps[seconds] == preset.train.max_steps
        assert by_label(home_page.number_input, "Width").value == preset.shape["n_embd"]
    by_label(home_page.button_group, "Preset").set_value("gpt2").run()
    well(home_page)
    assert home_page.session_state["budget"] is None
    assert by_label(home_page.number_input, "Width").value == 128


def test_runs_on_one_text_are_laid_over_each_other(home_page, store):
    first = start_training(home_page, **SMALL)
    second = start_training(home_page, **{**SMALL, "Steps": 31})
    for run_id in (first, second):
        wait_for(store, run_id, "finished")
    opened(home_page, "pages/2_Train.py", second)
    beside = by_label(home_page.multiselect, "Compare with")
    beside.set_value([first]).run()
    well(home_page)
    (table,) = (t.value for t in home_page.table)
    what, chosen, other = (list(table[column]) for column in table)
    assert what[0] == "Best bits per character" and what[2:] == ["Steps"]
    assert float(chosen[0]) > 0 and float(chosen[1]) > 0
    assert (chosen[2], other[2]) == ("31", "30")
    for axis in ("steps", "tokens"):
        by_label(home_page.button_group, "Along").set_value(axis).run()
        well(home_page)


def test_a_run_is_trained_once_more_without_an_ingredient(home_page, store):
    whole = start_training(home_page, **SMALL)
    wait_for(store, whole, "finished")
    opened(home_page, "pages/2_Train.py", whole)
    by_label(home_page.button_group, "What to leave out").set_value(["muon", "relu2"]).run()
    assert any("Jordan" in caption.value for caption in home_page.caption), "what it is"
    by_label(home_page.button, "Train 2 runs").click().run()
    well(home_page)
    chosen = by_label(home_page.multiselect, "Compare with").value
    without = [store.run(run_id) for run_id in chosen]
    name = store.run(whole).name
    assert [run.name for run in without] == [f"{name}, without muon", f"{name}, without relu2"]
    for run in without:
        wait_for(store, run.id, "finished")
    well(home_page.run())
    (table,) = (t.value for t in home_page.table)
    what, *columns = (list(table[column]) for column in table)
    assert [column[what.index("Optimizer")] for column in columns] == ["muon", "adamw", "muon"]
    assert [column[what.index("Activation")] for column in columns] == ["relu2", "relu2", "gelu"]


def test_only_recipes_with_ingredients_offer_to_leave_one_out(home_page, store):
    opened(home_page, "pages/2_Train.py")
    by_label(home_page.button_group, "Preset").set_value("classic").run()
    by_label(home_page.number_input, "Steps").set_value(2).run()
    by_label(home_page.button, "Start training").click().run()
    wait_for(store, home_page.query_params["run"], "finished")
    well(home_page.run())
    assert all(group.label != "What to leave out" for group in home_page.button_group)
