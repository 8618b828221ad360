"""Tokens as long as a file may make them do not make a page wider than a phone."""

from urllib.parse import urlencode

from playwright.sync_api import expect

from minigpt import bundle
from minigpt.store import Store
from tests import long_tokens
from tests.e2e.browser import EXCEPTION, settled

PHONE = {"width": 390, "height": 3_000}  # tall, so that all of a page is drawn
TOO_WIDE = """() => Math.max(0, ...[
  document.scrollingElement, document.querySelector("[data-testid=stMain]"),
].map((part) => part.scrollWidth - innerWidth))"""


def test_no_page_becomes_wider_than_the_screen(page, server, running_app):
    page.set_viewport_size(PHONE)
    store = Store(running_app.home)
    run_id = bundle.import_run(store, long_tokens.run_file(), "class")
    store.close()
    said = urlencode({"run": run_id, "text": long_tokens.TEXT})
    for path in ("", "Attention", "Generate", "Inside"):
        page.goto(f"{server}/{path}?{said}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        settled(page)
        expect(page.locator(EXCEPTION)).to_have_count(0)
        assert page.evaluate(TOO_WIDE) == 0, path
