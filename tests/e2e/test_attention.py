"""Attention in a browser: enlarged, pointed at, scrubbed while it trains, compared, and cold."""

import re

import pytest
from playwright.sync_api import Page, expect

from minigpt.config import GPTConfig, TrainConfig
from minigpt.store import EVERYONE, Store
from minigpt.tokenizers import CharTokenizer
from tests.e2e.browser import (
    EXCEPTION,
    HEAD,
    RIVER,
    at_rest,
    expect_head,
    settled,
    visit,
    wait_until,
)

HOSTILE = '<img src=x onerror="document.title=1"> `*_$~'


def look(page: Page, address: str) -> None:
    visit(page, address, "Attention")
    expect(page.locator(HEAD).first).to_be_visible(timeout=60_000)  # torch is loaded
    settled(page)


def said(page: Page) -> str:
    return page.evaluate("decodeURIComponent(location.search)")


def small_map(page: Page, name: str):
    return page.get_by_role("button", name=re.compile(f"^{name}(:|$)"))


def test_a_click_on_a_small_map_makes_it_the_large_one(page, server):
    look(page, f"{server}/Attention")
    small_map(page, "layer 2, head 2").click()
    expect(page.locator(".view h4").first).to_contain_text("Layer 2, head 2, step")
    expect(small_map(page, "layer 2, head 2")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("radiogroup", name="Layer").get_by_text("2")).to_be_checked()
    wait_until(page, lambda: "layer=2" in said(page) and "head=2" in said(page))
    expect(page.get_by_text(re.compile("[Ll]ayer 2, head 2(:| does)")).first).to_be_visible()
    assert page.locator(EXCEPTION).count() == 0


def test_every_small_map_has_its_badge_once_the_heads_were_measured(page, server):
    look(page, f"{server}/Attention")
    badges = page.locator(".board button span")
    wait_until(page, lambda: all(badges.all_inner_texts()))


def test_kept_tokens_stand_in_the_address_and_a_cold_one_shows_them(page, server, browser):
    look(page, f"{server}/Attention?text=the lamp, the sea&layer=1")
    lines = page.locator(".lines .window")
    box = lines.bounding_box()
    lines.click(position={"x": 20, "y": box["height"] / 2})
    wait_until(page, lambda: "kept=" in said(page))
    settled(page)
    stranger = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    look(stranger, page.url)
    expect_head(stranger, "Layer 1, head 0, step", 17)
    expect(stranger.locator(".view .about").first).to_contain_text("looks at")
    expect(stranger.locator(".view .clear").first).to_be_enabled()
    stranger.context.close()


def test_hostile_text_stays_text(page, server):
    look(page, f"{server}/Attention")
    field = page.get_by_role("textbox", name="Text to look at")
    field.fill(HOSTILE)
    field.press("Control+Enter")
    expect_head(page, "Layer 1, head 0", len(HOSTILE))
    settled(page)
    assert page.title() != "1" and page.locator("img[src=x]").count() == 0
    assert page.locator(EXCEPTION).count() == 0


def test_a_training_run_can_be_scrubbed_and_played(page, server, running_app):
    store, tokenizer = Store(running_app.home), CharTokenizer.train(RIVER)
    run_id = store.create_run(
        EVERYONE, "river", store.add_text(EVERYONE, "river", RIVER), tokenizer.to_json(),
        GPTConfig(tokenizer.vocab_size, 16, 2, 2, 8), TrainConfig(max_steps=100_000, batch_size=4),
    )  # fmt: skip
    try:
        visit(page, f"{server}/Attention?run={run_id}", "Attention")
        slider = page.get_by_role("slider", name="Moment of training")
        wait_until(page, lambda: len(store.snapshot_steps(run_id)) > 6)
        page.reload()
        expect(slider).to_be_visible()
        slider.press("Home")
        expect(page.locator(".view h4").first).to_have_text("Layer 0, head 0, step 0")
        before = len(store.snapshot_steps(run_id))
        wait_until(page, lambda: len(store.snapshot_steps(run_id)) > before)
        page.wait_for_timeout(5_000)  # the page has looked again
        expect(page.locator(".view h4").first).to_have_text("Layer 0, head 0, step 0")
        page.get_by_role("button", name="Play").click()
        wait_until(page, lambda: "step 0" not in page.locator(".view h4").first.inner_text())
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_role("button", name="Play")).to_be_visible()
        assert page.locator(EXCEPTION).count() == 0
    finally:
        store.wish(run_id, "deleted")
        store.close()


def test_two_heads_lie_side_by_side_with_their_difference(page, server):
    look(page, f"{server}/Attention?against=head&other_layer=2&other_head=1")
    titles = page.locator(".view h4")
    wait_until(page, lambda: titles.count() == 4)
    wait_until(page, lambda: "Layer 2, head 1" in titles.all_inner_texts()[2])
    assert titles.all_inner_texts()[3] == "The second minus the first"
    expect(page.get_by_text("of a token's attention lies elsewhere")).to_be_visible()


@pytest.mark.parametrize("width, height", [(1440, 900), (390, 844)])
def test_no_part_of_the_page_is_wider_than_the_screen(page, server, width, height):
    page.set_viewport_size({"width": width, "height": height})
    look(page, f"{server}/Attention?against=head")
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth <= main.clientWidth")
    for part in page.locator(".view, .frame").all():
        box = part.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width


def test_files_are_named_after_run_moment_layer_and_head(page, server):
    look(page, f"{server}/Attention?layer=1&head=2&step=0")
    at_rest(page)
    for button, ending in (("SVG", "svg"), ("CSV", "csv"), ("PNG", "png")):
        with page.expect_download() as download:
            page.locator(".view .png").first.click() if button == "PNG" else page.get_by_role(
                "button", name=f"Download as {button}"
            ).first.click()
        name = download.value.suggested_filename
        assert name == f"Harbour-tales-step0-attention-layer1-head2.{ending}"
