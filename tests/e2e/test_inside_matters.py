"""What matters in a browser: a click on a part, a cold address, keys, and a file."""

from playwright.sync_api import Page, expect

from tests.e2e.browser import EXCEPTION, settled, visit, wait_until

CELL = ".parts button"


def look(page: Page, address: str) -> None:
    visit(page, address, "Inside")
    cell, ask = page.locator(CELL).first, page.get_by_role("button", name="Measure step")
    expect(cell.or_(ask).first).to_be_visible(timeout=90_000)  # torch is loaded, and measures
    if ask.count():  # a machine that has much to do would take long
        ask.click()
    expect(cell).to_be_visible(timeout=90_000)
    settled(page)


def said(page: Page) -> str:
    return page.evaluate("decodeURIComponent(location.search)").replace("+", " ")


def test_a_click_on_a_part_shows_it_on_the_text_and_a_cold_address_too(page, server, browser):
    look(page, f"{server}/Inside?instrument=What matters&text=the lamp, the sea")
    cell = page.get_by_role("button", name="layer 1, MLP:")
    cell.click()
    expect(page.get_by_text("Your text without layer 1, MLP")).to_be_visible()
    expect(cell).to_have_attribute("aria-pressed", "true")
    wait_until(page, lambda: "part=layer 1, MLP" in said(page))
    settled(page)
    cell.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your text without all of layer 1")).to_be_visible()
    wait_until(page, lambda: "part=all of layer 1" in said(page))
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as SVG").click()
    assert download.value.suggested_filename.endswith("what-matters-zero.svg")

    stranger = browser.new_context(viewport={"width": 390, "height": 800}).new_page()
    look(stranger, page.url)
    expect(stranger.get_by_text("Your text without all of layer 1")).to_be_visible()
    assert stranger.evaluate("document.documentElement.scrollWidth") <= 390
    assert stranger.locator(EXCEPTION).count() == 0
    stranger.context.close()
