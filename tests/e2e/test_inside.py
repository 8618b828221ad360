"""Inside in a browser: every instrument at first sight, one click in each, a run that trains, and a
cold address."""

import re
import struct
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from minigpt.config import GPTConfig, TrainConfig
from minigpt.store import EVERYONE, Store
from minigpt.tokenizers import CharTokenizer
from tests.e2e.browser import EXCEPTION, RIVER, settled, visit, wait_until

# What stands in each instrument, and a choice in it: of which group, what, and in the address.
INSTRUMENTS = {
    "Surprise": ("Hardest to guess", None),
    "Lens": ("How deep answers are decided", ("Colours", "entropy", "lens=entropy")),
    "Attribution": (
        "what each part adds to the logit",
        ("Next token", "the likeliest − the runner-up", "aim="),
    ),
    "What matters": (
        "Effects do not add",
        ("What stands in a part's place", "its average", "ablation=mean"),
    ),
    "Embeddings": ("This plane holds", None),
    "Learned when": (
        "Nats per token on text",
        ("Next tokens, by their", "history that counting needs", "learned_by=order"),
    ),
    "Arithmetic": ("Open one step after the other", ("Layer", "2", "layer=2")),
}

LONG = "the lamp " * 8 + "the lamp"  # wider than any screen shows


def said(page: Page) -> str:
    return page.evaluate("decodeURIComponent(location.search)").replace("+", " ")


def shown(page: Page, words: str) -> None:
    expect(page.get_by_text(re.compile(re.escape(words))).first).to_be_visible(timeout=60_000)
    settled(page)
    assert page.locator(EXCEPTION).count() == 0


def is_within(part: Locator, wide: int) -> bool:
    """Whether all of it can be seen without scrolling sideways."""
    box = part.bounding_box()
    return box["x"] >= 0 and box["x"] + box["width"] <= wide


def expect_picture(page: Page) -> None:
    """Every picture of an instrument can be had as a PNG file, with something on it."""
    buttons = page.get_by_test_id("stButton").get_by_role("button", name="Download as PNG")
    assert buttons.count()
    for at in range(buttons.count()):
        with page.expect_download() as download:
            buttons.nth(at).click()
        assert download.value.suggested_filename.endswith(".png")
        file = Path(download.value.path()).read_bytes()
        assert file.startswith(b"\x89PNG\r\n\x1a\n")
        width, height = struct.unpack(">II", file[16:24])
        assert 800 < width < 6_000 and 200 < height < 6_000
        assert len(file) > 10_000, "there is nothing on it"


def test_every_instrument_is_painted_by_its_tab_and_takes_a_click(page, server):
    visit(page, f"{server}/Inside?text=the lamp, the sea", "Inside")
    for name, (words, choice) in INSTRUMENTS.items():
        shown(page, "Moment of training")
        page.get_by_role("tab", name=name, exact=True).click()
        shown(page, words)
        if choice:
            group, label, in_address = choice
            radio = page.get_by_role("radiogroup", name=group).get_by_role(
                "radio", name=label, exact=True
            )
            radio.last.click()
            wait_until(page, lambda wanted=in_address: wanted in said(page))
            shown(page, words)
        if name != "Arithmetic":
            expect_picture(page)
    page.get_by_text("3. A head looks back").click()
    wait_until(page, lambda: "opened=3" in said(page))
    shown(page, "Set this row by hand")


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)], ids=["screen", "phone"])
def test_a_cold_address_shows_the_same(page, server, size):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    visit(
        page,
        f"{server}/Inside?instrument=Arithmetic&text={LONG}&step=0&layer=2&opened=1,6",
        "Inside",
    )
    shown(page, "What the model of step 0 computes to guess the token after")
    expect(page.get_by_text("6. A score for every token")).to_be_visible()
    expect(page.get_by_role("tab", name="Arithmetic")).to_have_attribute("aria-selected", "true")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    wait_until(page, lambda: is_within(page.get_by_role("tab", name="Arithmetic"), size[0]))
    page.get_by_role("tab", name="Lens").click()
    shown(page, "How deep answers are decided")
    for key, at in (("End", len(LONG)), ("Home", 1)):
        page.get_by_role("slider", name="Up to token").press(key)
        here = page.locator(f".mg-here:nth-child({at + 1})")
        expect(here).to_be_attached()
        wait_until(page, lambda here=here: is_within(here, size[0]))
        names = page.locator(".mg-lens th").first.bounding_box()
        assert here.bounding_box()["x"] >= names["x"] + names["width"] - 1, "they lie over it"
    page.goto(f"{server}/Inside?instrument=Crystal ball&step=1e9&place=0&text=<b>x</b>")
    for label in ("open tab", "moment of training"):
        expect(page.get_by_text(re.compile(f"The address says .* for the {label}"))).to_be_visible(
            timeout=60_000
        )
    shown(page, "Hardest to guess")


def test_a_run_that_trains_is_scrubbed_in_every_instrument(page, server, running_app):
    store, tokenizer = Store(running_app.home), CharTokenizer.train(RIVER)
    run_id = store.create_run(
        EVERYONE, "river", store.add_text(EVERYONE, "river", RIVER), tokenizer.to_json(),
        GPTConfig(tokenizer.vocab_size, 16, 2, 2, 8), TrainConfig(max_steps=100_000, batch_size=4),
    )  # fmt: skip
    try:
        visit(page, f"{server}/Inside", "Inside")  # with the first visit the training begins
        wait_until(page, lambda: len(store.snapshot_steps(run_id)) > 4)
        visit(page, f"{server}/Inside?run={run_id}&text=the sea sang", "Inside")
        page.get_by_role("slider", name="Moment of training").press("Home")
        expect(page.get_by_text(re.compile("Step 0 of 100,000"))).to_be_visible()
        for name, (words, _) in INSTRUMENTS.items():
            page.get_by_role("tab", name=name, exact=True).click()
            shown(page, words)
            expect(page.get_by_text(re.compile("Step 0 of 100,000"))).to_be_visible()
    finally:
        store.wish(run_id, "deleted")
        store.close()
