"""A page where the settings of the installation are wrong."""

import pytest
from streamlit.testing.v1 import AppTest

from minigpt.ui import services
from tests.pages.visits import ROOT


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
