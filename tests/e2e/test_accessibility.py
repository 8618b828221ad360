"""What axe-core finds on the pages, light and dark, with the demo and with a run of one's own."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import HEAD, RIVER, TOKENS, expect_state, go, settled, start, upload, visit

GRAVE = ("serious", "critical")
# Streamlit's own, which no page can change: the rule, what it is about, and why.
STREAMLITS = (
    ("aria-dialog-name", 'data-testid="stToast"'),  # a toast is a dialog that cannot be named
)
HOME = "Understand a GPT by training one"


@pytest.fixture(params=["light", "dark"])
def shaded_page(request, browser: Browser) -> Page:
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, color_scheme=request.param
    )
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()


def expect_accessible(page: Page, where: str) -> None:
    """No violation that is serious or critical, in what is on the screen now."""
    settled(page)
    violations = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [
        (where, violation["id"], node["html"][:300], node["failureSummary"])
        for violation in violations
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
        if not any(violation["id"] == rule and of in node["html"] for rule, of in STREAMLITS)
    ] == []


def test_no_page_is_hard_to_read_or_to_reach_by_keyboard(shaded_page, server):
    page = shaded_page
    visit(page, server, HOME)
    expect(page.locator(".js-plotly-plot").first).to_be_visible()  # it has written
    expect_accessible(page, "Home")
    visit(page, f"{server}/Data", "Data")
    for source in ("Paste", "Library", "Worlds", "Downloads", "Upload"):
        page.get_by_role("tab", name=source).click()
        expect(page.get_by_role("tab", name=source, selected=True)).to_be_visible()
        expect_accessible(page, f"Data, {source}")
    upload(page, "river.txt", RIVER)
    page.get_by_text("BPE", exact=True).click()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    expect_accessible(page, "Data, BPE")

    go(page, "Train")
    expect(page.get_by_role("radio", name="10 s")).to_be_enabled(timeout=60_000)  # it was measured
    expect_accessible(page, "Train, the demo")
    start(page)
    expect(page.get_by_text("What it writes")).to_be_visible()
    expect_accessible(page, "Train, running")
    page.get_by_role("button", name="Pause").click()
    expect_state(page, "paused")
    expect_accessible(page, "Train, paused")
    page.get_by_role("button", name="Stop").click()
    expect_state(page, "stopped")
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    expect_accessible(page, "Train, stopped")

    go(page, "Attention")
    expect(page.locator(HEAD)).to_be_visible()
    expect(page.get_by_role("heading", name="Compare")).to_be_visible(timeout=60_000)
    expect_accessible(page, "Attention")
    go(page, "Generate")
    page.get_by_role("button", name="Write").click()
    expect(page.locator(TOKENS).first).to_be_visible()
    expect_accessible(page, "Generate")
