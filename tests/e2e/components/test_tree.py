"""The tree of a beam search, drawn in a browser."""

import pytest
from playwright.sync_api import Page, expect

from minigpt.plots.tree import percent
from tests.e2e.browser import settled, wait_until
from tests.e2e.test_accessibility import expect_accessible
from tests.test_plots_tree import searched

APP = """
from dataclasses import replace
import streamlit as st
from minigpt.ui.components.tree import clicked, tree
from tests.test_plots_tree import searched

st.set_page_config(layout="wide")
asked, state = st.query_params, st.session_state
nodes, best = searched(int(asked.get("width", 4)), int(asked.get("depth", 6)))
if "hostile" in asked:
    nodes = [replace(node, label="<img·src=x·onerror=window.seen=1>") for node in nodes]
shown = st.number_input("shown", 1, value=int(asked.get("shown", 99)))
if (node := clicked("tree", len(nodes))) is not None:
    state.chosen = node
tree(nodes, key="tree", chosen=state.get("chosen"), best=best, shown=shown)
st.text(f"chosen {state.get('chosen')}, shown {shown}")
"""


def look(page: Page, address: str, **asked: object) -> None:
    page.goto(f"{address}/?" + "&".join(f"{name}={value}" for name, value in asked.items()))
    expect(page.locator(".node").first).to_be_visible()
    settled(page)


def said(page: Page) -> str:
    return page.get_by_test_id("stText").first.inner_text()


def node(page: Page, i: int):
    return page.locator(f'.node[data-node="{i}"]')


def test_a_click_or_a_key_returns_the_node(page, address):
    look(page, address)
    _, best = searched(4, 6)
    node(page, best[3]).click()
    wait_until(page, lambda: f"chosen {best[3]}," in said(page))
    expect(node(page, best[3])).to_have_attribute("aria-selected", "true")
    for key, i in (("ArrowRight", best[4]), ("ArrowLeft", best[3]), ("ArrowLeft", best[2])):
        page.keyboard.press(key)
        expect(node(page, i)).to_be_focused()
    page.keyboard.press("ArrowDown")
    below = page.locator(".node:focus")
    assert below.get_attribute("aria-level") == "3"
    assert below.bounding_box()["y"] > node(page, best[2]).bounding_box()["y"]
    chosen = int(below.get_attribute("data-node"))
    page.keyboard.press("Enter")
    wait_until(page, lambda: f"chosen {chosen}," in said(page))
    assert page.locator('.node[aria-selected="true"]').count() == 1
    assert page.locator('.node[tabindex="0"]').count() == 1  # one stop for the whole tree


def test_each_node_is_told_in_words(page, address):
    look(page, address)
    nodes, best = searched(4, 6)
    for i, fate in ((best[2], "on the winning path"), (_pruned(nodes, best), "pruned")):
        words = f"{nodes[i].label}, step {nodes[i].depth}, {percent(nodes[i].prob)}, {fate}"
        expect(node(page, i)).to_have_attribute("aria-label", words)


def _pruned(nodes, best) -> int:
    """The likeliest that was pruned right behind the winning path's first."""
    behind = [i for i, n in enumerate(nodes) if n.parent == best[0] and not n.kept]
    return max(behind, key=lambda i: nodes[i].prob)


def test_a_step_further_keeps_the_place_and_lights_the_path_at_the_end(page, address):
    look(page, address, width=8, depth=24, shown=22)
    frame = page.locator(".frame")
    frame.evaluate("f => { f.scrollTop = 50; f.scrollLeft = f.scrollWidth }")
    assert page.locator(".box.best").count() == 0
    page.get_by_label("shown").fill("23")
    page.get_by_label("shown").press("Enter")
    wait_until(page, lambda: "shown 23" in said(page))
    settled(page)
    assert frame.evaluate(
        "f => [f.scrollTop, f.scrollWidth - f.scrollLeft - f.clientWidth < 2]"
    ) == [
        50,
        True,
    ]
    assert page.locator(".box.best").count() == 0
    page.get_by_label("shown").fill("24")
    page.get_by_label("shown").press("Enter")
    expect(page.locator(".box.best").first).to_be_attached()
    assert page.locator(".box.best .node").count() == 24


@pytest.mark.parametrize("width", [1440, 390])
def test_it_scrolls_in_its_own_box_and_its_letters_fit(page, address, width):
    page.set_viewport_size({"width": width, "height": 844})
    look(page, address, width=8, depth=24)
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth")
    assert page.locator(".frame").evaluate("f => f.scrollWidth > f.clientWidth")
    for letters in (".box span", "svg text", ".steps span", ".legend"):
        sizes = page.locator(f".tree {letters}").evaluate_all(
            "all => all.map(e => [parseFloat(getComputedStyle(e).fontSize), "
            "e.scrollWidth - e.clientWidth])"
        )
        assert sizes and all(size >= 12 for size, _ in sizes)
        assert "svg" in letters or all(over <= 0 for _, over in sizes)


def test_labels_stay_text(page, address):
    look(page, address, hostile=1)
    assert page.locator(".node").first.text_content() == "<img·src=…"
    assert "<img·src=x·onerror=window.seen=1>" in page.locator(".node").first.get_attribute("title")
    assert page.locator(".tree img").count() == 0 and page.evaluate("window.seen") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_and_reached(page, address, scheme):
    page.emulate_media(color_scheme=scheme)
    look(page, address)
    expect_accessible(page, "the tree")
