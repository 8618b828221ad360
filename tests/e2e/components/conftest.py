"""A component in a page of its own: each test file says in APP what that page draws."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.conftest import WIDE
from tests.servers import app_server


@pytest.fixture(scope="module")
def address(request: pytest.FixtureRequest, tmp_path_factory) -> str:
    home = tmp_path_factory.mktemp("component")
    script = Path(home / "drawn.py")
    script.write_text(request.module.APP)
    with app_server(home, script) as server:
        yield server.address


@pytest.fixture(scope="module")
def open_page(browser: Browser) -> Page:
    """One page for all: what it has loaded once it does not load again."""
    context = browser.new_context(viewport=WIDE)
    yield context.new_page()
    context.close()


@pytest.fixture
def page(open_page: Page) -> Page:
    yield open_page
    open_page.set_viewport_size(WIDE)
    open_page.emulate_media(color_scheme="light")
    open_page.mouse.move(0, 0)
