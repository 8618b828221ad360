"""Generate in a browser: written and stopped, asked token by token, branched, searched, traced."""

import re
from random import Random

import pytest
from playwright.sync_api import Page, expect

from minigpt.config import GPTConfig, TrainConfig
from minigpt.store import Store
from minigpt.tokenizers import CharTokenizer
from tests.e2e.browser import EXCEPTION, TOKENS, settled, visit, wait_until, workspace_of

HOSTILE = '<img src=x onerror="document.title=1"> `*_$~'


def look(page: Page, address: str) -> None:
    visit(page, address, "Generate")
    expect(page.locator(TOKENS).first).to_be_visible(timeout=60_000)  # torch is loaded
    settled(page)


def said(page: Page) -> str:
    return page.evaluate("decodeURIComponent(location.search)")


def text_of(page: Page) -> str:
    return "".join(page.locator(TOKENS).all_inner_texts())


def open_side(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
    settled(page)


def test_whoever_stops_it_keeps_what_was_written_and_writes_on_where_it_stopped(page, server):
    look(page, f"{server}/Generate?length=2000")
    page.get_by_role("button", name="Another seed").click()
    stop = page.get_by_role("button", name="Stop", exact=True)
    stop.click()
    expect(page.get_by_text(re.compile(r"seed 2, stopped, [\d,]+ tokens"))).to_be_visible()
    settled(page)
    before = text_of(page)
    assert 0 < page.locator(TOKENS).count() < 2000
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.get_by_text("seed 2, 2,000 tokens")).to_be_visible(timeout=60_000)
    settled(page)
    assert text_of(page).startswith(before)
    assert page.locator(EXCEPTION).count() == 0


def test_another_token_is_chosen_the_address_says_it_and_the_first_text_is_there_again(
    page, server, browser
):
    look(page, f"{server}/Generate?length=40")
    first = text_of(page)
    page.locator(TOKENS).nth(5).click()
    panel = page.locator(".strip .panel")
    expect(panel).to_contain_text("is token 6 of 40")
    panel.get_by_role("button", name=re.compile("^Go on with this one")).first.click()
    wait_until(page, lambda: "choices=5:" in said(page))
    expect(page.get_by_text("A: as drawn")).to_be_visible()
    settled(page)
    second = text_of(page)
    assert second[:5] == first[:5] and second[5] != first[5] and len(second) == len(first)

    stranger = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    look(stranger, page.url)
    wait_until(stranger, lambda: text_of(stranger) == second)
    stranger.context.close()

    page.get_by_text("A: as drawn").first.click()
    wait_until(page, lambda: text_of(page) == first and "choices" not in said(page))
    assert page.locator(EXCEPTION).count() == 0


def test_a_node_of_the_tree_is_read_when_it_is_clicked(page, server):
    look(page, f"{server}/Generate?width=3&depth=8")
    open_side(page, "Beam search")
    boxes = page.locator(".tree [role=treeitem], .tree button, .tree [tabindex]")
    expect(boxes.first).to_be_visible()
    boxes.nth(2).click()
    expect(
        page.get_by_text(re.compile(r"tokens?, in all [\d.]+ bits, a probability"))
    ).to_be_visible()
    assert page.locator(EXCEPTION).count() == 0


@pytest.fixture
def store(running_app) -> Store:
    store = Store(running_app.home)
    yield store
    store.close()


def test_what_a_run_learned_by_heart_is_marked_and_what_a_fresh_one_writes_is_not(
    page, server, store
):
    visit(page, f"{server}/Train", "Train")
    workspace, chance = workspace_of(page), Random(1)
    # Letters by chance: what is learned of them is learned by heart.
    body = "".join(chance.choice("abcdefghijklmnopqrst  ") for _ in range(2_600))
    tokenizer = CharTokenizer.train(body)
    model = GPTConfig(tokenizer.vocab_size, 16, 2, 2, 32)
    text_id = store.add_text(workspace, "letters", body)
    train = TrainConfig(max_steps=600, batch_size=16, learning_rate=1e-2, val_fraction=0.5)
    learned = store.create_run(workspace, "learned", text_id, tokenizer.to_json(), model, train)
    fresh = store.create_run(
        workspace,
        "fresh",
        text_id,
        tokenizer.to_json(),
        model,
        TrainConfig(max_steps=1, val_fraction=0.5),
    )
    for run_id in (fresh, learned):
        wait_until(page, lambda run_id=run_id: store.run(run_id).state == "finished", 120)
    for run_id, marked in ((learned, True), (fresh, False)):
        look(page, f"{server}/Generate?run={run_id}&temperature=0&prompt={body[:8]}")
        open_side(page, "Copied?")
        expect(page.get_by_text("Copied here")).to_be_visible()
        settled(page)
        assert (page.locator(".mg-copied").count() > 0) == marked
        store.delete_run(run_id)
    assert page.locator(EXCEPTION).count() == 0


def test_hostile_text_stays_text_on_every_side(page, server):
    look(page, f"{server}/Generate?length=20")
    field = page.get_by_role("textbox", name="Prompt")
    field.fill(HOSTILE)
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.locator(".strip .prompt")).to_contain_text("onerror")
    for side in ("Beam search", "Side by side", "Copied?", "Through training", "A head switched"):
        open_side(page, side)
        assert page.title() != "1" and page.locator("img[src=x]").count() == 0
    assert page.locator(EXCEPTION).count() == 0


def test_what_cannot_be_in_an_address_is_told_and_the_page_is_there(page, server):
    bad = "temperature=-1&top_k=1e9&min_p=7&length=0&choices=900:1&width=99&off_head=77&stop="
    look(page, f"{server}/Generate?{bad}")
    for name in ("temperature", "top-k", "min-p", "length"):
        expect(page.get_by_text(re.compile(f"The address says .* for the {name}"))).to_be_visible()
    expect(page.get_by_text("names a token that cannot be chosen")).to_be_visible()
    open_side(page, "Beam search")
    expect(page.get_by_text(re.compile("for the width of the beam"))).to_be_visible()
    assert page.locator(EXCEPTION).count() == 0
