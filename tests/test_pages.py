"""Each page as Streamlit's own test runner sees it: with the demo, with a run, with bad input."""

import os
import time
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from minigpt.store import Store
from minigpt.ui import services

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
    return services.store()


@pytest.fixture
def home_page() -> AppTest:
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()


def opened(app: AppTest, page: str, run: str | None = None) -> AppTest:
    if run:
        app.query_params["run"] = run
    return app.switch_page(page).run()


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
    opened(home_page, "pages/1_Data.py")
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
    for run_id in (some.id, foreign):
        store.wish(run_id, "stopped")


@pytest.mark.parametrize(
    "name, data, said",
    [
        ("empty.txt", b"", "empty"),
        ("one.txt", b"a", "1 character"),
        ("photo.txt", b"\x89PNG\r\n\x1a\n\x00\x00\xff", "not UTF-8 text"),
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
    opened(home_page, "pages/1_Data.py")
    by_label(home_page.button, "Keep this text").click().run()
    assert "at least 2" in home_page.error[0].value


def test_a_pasted_text_that_looks_like_html_stays_text(home_page):
    opened(home_page, "pages/1_Data.py")
    home_page.text_area[0].set_value("<script>alert(1)</script> <img src=x> " * 5).run()
    by_label(home_page.button, "Keep this text").click().run()
    well(home_page)
    assert "<script>" not in html_of(home_page) and "<img" not in html_of(home_page)


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
