"""What a page never holds: whoever is given a saved one must not control anything with it."""

from playwright.sync_api import Page

from minigpt.ui.pages import PAGES
from tests.e2e.browser import PATHS, RIVER, settled, upload, visit, workspace_of


def test_the_workspace_s_secret_stands_in_no_page(page: Page, server):
    visit(page, f"{server}/Data", "Data")
    upload(page, "river.txt", RIVER)
    secret = workspace_of(page)
    assert len(secret) == 32
    for path, title in zip(PATHS, PAGES, strict=True):
        page.goto(f"{server}/{path}")
        page.get_by_text("Words on this page").wait_for()  # which stands at the foot
        settled(page)
        assert secret not in page.content(), title.title
        assert secret not in page.url
