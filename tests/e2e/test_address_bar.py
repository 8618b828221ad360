"""What a page shows stands in its address: on the way to another page and back, after a reload, in
another browser, and where the browser goes back."""

import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

from tests.e2e.browser import (
    EXCEPTION,
    HEAD,
    TEXT,
    TOKENS,
    expect_head,
    go,
    set_number,
    settled,
    visit,
    wait_until,
)


def said(page: Page) -> dict[str, str]:
    found = parse_qs(urlsplit(page.url).query, keep_blank_values=True)
    return {name: values[-1] for name, values in found.items()}


def radio(page: Page, group: str, name: str):
    return (
        page.get_by_role("radiogroup", name=group).get_by_role("radio", name=name, exact=True).last
    )


def type_in(page: Page, label: str, words: str) -> None:
    box = page.get_by_role("textbox", name=label)
    box.fill(words)
    box.press("Control+Enter")
    wait_until(page, lambda: words in said(page).values())
    settled(page)


def expect_attention(page: Page) -> None:
    """The text, the moment, the layer and the head that were chosen, and their map."""
    expect(page.get_by_role("textbox", name="Text to look at")).to_have_value("the lamp, the sea")
    expect(page.get_by_text("step 0", exact=True).first).to_be_visible()
    expect(radio(page, "Layer", "2")).to_be_checked()
    expect(radio(page, "Head", "2")).to_be_checked()
    expect_head(page, "Layer 2, head 2, step 0", 17)


def written(page: Page) -> str:
    expect(page.get_by_text("Temperature 1.1, seed 7, 20 tokens")).to_be_visible()
    settled(page)
    expect(page.locator(TOKENS)).to_have_count(20)
    return page.locator(TEXT).inner_text()


def test_what_is_shown_is_found_again_on_every_way(page, server, browser):
    visit(page, f"{server}/Attention", "Attention")
    expect(page.locator(HEAD)).to_be_visible(timeout=60_000)  # torch is loaded
    settled(page)
    assert said(page) == {}
    type_in(page, "Text to look at", "the lamp, the sea")
    radio(page, "Layer", "2").click()
    radio(page, "Head", "2").click()
    slider = page.get_by_role("slider", name="Moment of training")
    slider.press("Home")
    shown = {"text": "the lamp, the sea", "layer": "2", "head": "2", "step": "0"}
    wait_until(page, lambda: said(page) == shown)
    expect_attention(page)

    go(page, "Generate")
    wait_until(page, lambda: said(page) == shown)
    type_in(page, "Prompt", "Once a lamp ")
    page.get_by_text("More settings").click()
    set_number(page, "Length", "20")
    set_number(page, "Seed", "7")
    temperature = page.get_by_role("slider", name="Temperature")
    for _ in range(6):
        temperature.press("ArrowRight")
    chosen = {"prompt": "Once a lamp ", "length": "20", "seed": "7", "temperature": "1.1"}
    wait_until(page, lambda: said(page) == shown | chosen)
    page.get_by_role("button", name="Write").click()
    text = written(page)
    assert text.startswith("Once a lamp ")

    go(page, "Attention")
    wait_until(page, lambda: said(page) == shown | chosen)
    expect_attention(page)
    page.reload()
    expect_attention(page)
    attention = page.url

    go(page, "Generate")
    assert written(page) == text
    stranger = browser.new_context().new_page()
    visit(stranger, page.url, "Generate")
    assert written(stranger) == text
    visit(stranger, attention, "Attention")
    expect_attention(stranger)
    stranger.context.close()
    page.get_by_test_id("stSidebar").get_by_role("link", name="Home").click()
    expect(page.get_by_role("textbox", name="Your beginning")).to_have_value("Once a lamp ")
    assert page.locator(EXCEPTION).count() == 0


def test_going_back_in_the_browser_goes_back_in_what_is_shown(page, server):
    visit(page, f"{server}/Attention", "Attention")
    settled(page)
    radio(page, "Head", "1").click()
    wait_until(page, lambda: said(page) == {"head": "1"})
    radio(page, "Head", "2").click()
    wait_until(page, lambda: said(page) == {"head": "2"})
    page.go_back()
    expect(radio(page, "Head", "1")).to_be_checked()
    settled(page)
    page.go_back()
    expect(radio(page, "Head", "0")).to_be_checked()
    wait_until(page, lambda: said(page) == {})
    page.go_forward()
    expect(radio(page, "Head", "1")).to_be_checked()


def test_what_cannot_be_is_told_until_something_else_is_chosen(page, server):
    visit(page, f"{server}/Attention?layer=99&step=17", "Attention")
    told = page.get_by_text(re.compile("The address says"))
    expect(told).to_have_count(2)
    page.wait_for_timeout(1_000)  # the browser has told whose it is, and the page is drawn anew
    expect(told).to_have_count(2)
    radio(page, "Head", "1").click()
    expect(told).to_have_count(0)
    wait_until(page, lambda: said(page) == {"head": "1"})
    assert page.locator(EXCEPTION).count() == 0
