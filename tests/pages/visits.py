"""How a test visits a page, and what it looks for there."""

import json
import time
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from minigpt.store import Store
from minigpt.ui import pages

ROOT = Path(__file__).resolve().parents[2]
PAGES = [page.file for page in pages.PAGES]
SMALL = {"Steps": 30, "Context": 16, "Width": 8, "Measure_every": 10}


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


def strip_of(app: AppTest) -> dict[str, Any]:
    """What the browser is told of the text that was written; nothing where none stands there."""
    for element in app.get("bidi_component"):
        if element.proto.component_name == "minigpt_strip":
            return json.loads(element.proto.json)
    return {}


def open_side(app: AppTest, side: str) -> AppTest:
    """Generate with the tab of that name open."""
    app.query_params["side"] = side
    return app.run()


def start_training(app: AppTest, **settings) -> str:
    """Fills in the settings, presses Start, and returns the id of the run in the URL."""
    opened(app, "pages/2_Train.py")
    for label, value in settings.items():
        by_label(app.number_input, label.replace("_", " ")).set_value(value)
    app.run()
    by_label(app.button, "Start training").click().run()
    return app.query_params["run"]


def ask(app: AppTest, what: str) -> AppTest:
    """Chooses an entry of the menu of what is rarely asked of a run."""
    by_label(app.menu_button, "More").click(what)
    return app.run()
