"""A page where the settings of the installation are wrong."""

import pytest
from streamlit.testing.v1 import AppTest

from minigpt.metrics import Results
from minigpt.ui import services
from tests.pages.visits import ROOT, opened, well


@pytest.mark.parametrize("page", ["app.py", "pages/2_Train.py"])
def test_a_page_tells_a_wrong_setting_and_starts_no_worker(tmp_path, monkeypatch, page):
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path))
    monkeypatch.setenv("MINIGPT_THREADS", "abc")
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    app.switch_page(page).run()
    assert not app.exception
    (error,) = app.error
    assert "MINIGPT\\_THREADS is 'abc': it has to be a whole number from 0 to 1,024" in error.value
    assert tmp_path.resolve() not in services._servers


def test_what_keeps_the_worker_from_starting_stands_on_the_page(home_page, monkeypatch):
    monkeypatch.setattr(services, "trouble", lambda: "the training process has ended (no torch)")
    home_page.run()
    (error,) = home_page.error
    assert error.value == "Training waits: the training process has ended (no torch)."


def test_why_a_run_rests_names_its_settings_as_the_fields_are_called(
    home_page, finished_run, store
):
    run = store.run(finished_run)
    rests = store.create_run(
        "class", "rests", run.text_id, run.tokenizer, run.model, run.train,
        results=Results(state="paused", reason="{batch_size} is 3 and {block_size} is 9"),
    )  # fmt: skip
    app = well(opened(home_page, "pages/2_Train.py", rests))
    assert "This run is paused: Batch size is 3 and Context is 9." in [i.value for i in app.info]
