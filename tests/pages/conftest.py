"""One store and one worker for a module; a page as Streamlit's own test runner sees it."""

import os
import time

import pytest
from streamlit.elements.lib import policies
from streamlit.testing.v1 import AppTest

from minigpt.store import Store
from minigpt.ui import services
from tests.pages.visits import ROOT, SMALL, start_training


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
    services.close()
    os.environ.clear()
    os.environ.update(kept)


@pytest.fixture(autouse=True)
def no_field_is_filled_twice(caplog, monkeypatch):
    """Streamlit says in its log, once a process, that a field has a usual value and is filled in
    by the page as well; here it would say so in every test."""
    monkeypatch.setattr(policies, "_shown_default_value_warning", False)
    yield
    said = [record.getMessage() for record in caplog.get_records("call")]
    assert [words for words in said if "created with a default value" in words] == []


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


@pytest.fixture(scope="module")
def finished_run(one_home) -> str:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    run_id = start_training(app, **SMALL)
    deadline = time.monotonic() + 60
    while services.store().run(run_id).state != "finished":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return run_id
