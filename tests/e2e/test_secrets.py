"""What a page never holds: whoever is given a saved one must not control anything with it."""

import re

from playwright.sync_api import Page, expect

from minigpt.ui.pages import PAGES
from tests.e2e.browser import PATHS, RIVER, settled, upload, visit, wait_until, workspace_of


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


def test_whoever_takes_a_new_secret_keeps_everything_and_the_old_one_opens_nothing(
    page: Page, server, browser
):
    visit(page, f"{server}/Data", "Data")
    upload(page, "river.txt", RIVER)
    old = workspace_of(page)
    tab = page.context.new_page()
    visit(tab, f"{server}/Data", "Data")
    tab.get_by_text("Words on this page").wait_for()
    page.get_by_role("button", name="New secret for this browser").click()
    page.get_by_role("button", name="Take a new secret").click()
    wait_until(page, lambda: workspace_of(page) != old)
    settled(page)  # the browser's answer drew the page anew
    expect(page.get_by_text("This browser has a new secret.")).to_be_visible()
    for of_mine in (page, tab):
        settled(of_mine)
        expect(of_mine.get_by_role("combobox", name="Look at")).to_have_value(re.compile("river"))
        of_mine.reload()
        expect(of_mine.get_by_role("combobox", name="Look at")).to_have_value(re.compile("river"))
    thief = browser.new_context().new_page()
    thief.add_init_script(f"localStorage.setItem('minigpt-workspace', '{old}')")
    visit(thief, f"{server}/Data", "Data")
    thief.get_by_text("Words on this page").wait_for()
    settled(thief)
    assert workspace_of(thief) == old
    expect(thief.get_by_role("combobox", name="Look at")).not_to_have_value(re.compile("river"))
    thief.context.close()
