"""A real server and a real browser."""

import pytest
from playwright.sync_api import Browser, Page

from tests.browsers import open_browser
from tests.servers import Server, app_server

WIDE = {"width": 1440, "height": 900}


@pytest.fixture(scope="session")
def running_app(tmp_path_factory) -> Server:
    """The app, started as the README says, on a store of its own."""
    with app_server(tmp_path_factory.mktemp("home")) as server:
        yield server


@pytest.fixture(scope="session")
def server(running_app: Server) -> str:
    """The app's address."""
    return running_app.address


@pytest.fixture(scope="session")
def browser() -> Browser:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Page:
    context = browser.new_context(viewport=WIDE)
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """What stood on the page goes into the report of a test that failed."""
    report = yield
    page = item.funcargs.get("page") or item.funcargs.get("shaded_page")
    if report.when == "call" and report.failed and page:
        report.sections.append((f"the page {page.url}", page.locator("body").inner_text()[:6_000]))
    return report
