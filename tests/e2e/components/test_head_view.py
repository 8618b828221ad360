"""All heads at once and one head large, drawn in a browser from patterns of known numbers."""

import re
from itertools import pairwise

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import settled, wait_until

APP = """
import numpy as np
import streamlit as st
from minigpt import plots
from minigpt.ui.components.board import board, clicked
from minigpt.ui.components.head_view import head_view
from tests.e2e.components.test_head_view import TOKENS, patterns

st.set_page_config(layout="wide")
asked = st.query_params
N, heads, before = (int(asked.get(name, few)) for name, few in (("n", 10), ("heads", 2), ("t", 0)))
kind = asked.get("kind", "share")
whole = patterns(N + before, heads)[..., before:, :]
state = st.session_state
state.runs = state.get("runs", 0) + 1
badges = [["previous token 0.72", "unclear", *[""] * heads][:heads] for _ in range(heads)]
state.chosen = clicked("board", heads, heads) or state.get("chosen")
board(plots.thumbnail(whole), badges, state.chosen, key="board")
layer, head = state.chosen or (int(asked.layer), int(asked.head))
shown = {"share": 1, "norm": 2.5, "difference": -0.5}[kind] * whole[layer, head]
state.kept = head_view(
    shown, (TOKENS * (N + before))[: N + before], key="head", title=f"layer {layer}, head {head}",
    file="head.png", kept=state.get("kept", ()), kind=kind, highest=2.5 if kind == "norm" else 1.0,
)
st.text(f"chosen {state.chosen}, kept {state.kept}, run {state.runs}")
"""
TOKENS = [
    "<img src=x onerror=window.seen=1>",
    "e",
    " ",
    "e",
    "\n",
    "日本語",
    "</bdi>",
    "\u202e",
    "e",
]
# The picture of a canvas in a component: its colours, and how many there are.
PIXELS = """canvas => {
    const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
    return Array.from(new Uint32Array(data.buffer), p =>
        p >>> 24 ? [p & 255, p >> 8 & 255, p >> 16 & 255] : null) }"""
REDRAWS = """window_ => new Promise(async done => {
    const times = []
    for (let i = 0, before = performance.now(); i < 40; i++) {
        window_.scrollTop = i * 200
        await new Promise(requestAnimationFrame)
        times.push(performance.now() - before)
        before = performance.now()
    }
    done(times.sort((a, b) => a - b)[20]) })"""


def patterns(N: int, heads: int) -> np.ndarray:
    """(heads, heads, N, N), a different one for each head of each layer."""
    weights = np.tril(np.random.default_rng(N).gamma(0.3, size=(heads, heads, N, N)) + 1e-6)
    weights[0, 0] = np.eye(N, k=-1) + np.eye(N)[0] * (np.arange(N) == 0)[:, None]
    return weights / weights.sum(axis=-1, keepdims=True)


def look(page: Page, address: str, head: tuple[int, int] = (0, 0), **more: object) -> None:
    asked = "".join(f"&{name}={value}" for name, value in more.items())
    page.goto(f"{address}/?layer={head[0]}&head={head[1]}{asked}")
    expect(page.get_by_role("heading", name="layer {}, head {}".format(*head))).to_be_visible()
    settled(page)


def said(page: Page) -> str:
    return page.get_by_test_id("stText").inner_text()


def numbers(page: Page) -> dict[int, str]:
    """The list under the lines: of which token (from 0) what number."""
    items = page.locator("ol li").evaluate_all(
        "items => items.filter(i => i.style.visibility == 'visible').map(i => i.textContent)"
    )
    return {int(re.search(r"\(token (\d+)\)", i)[1]) - 1: i.split(")")[-1] for i in items}


def percent(weight: float) -> str:
    sent = round(65_535 * weight) / 65_535
    return "under 0.1 %" if sent < 0.0005 else f"{100 * sent:.1f} %"


def test_a_click_or_a_key_chooses_a_head_in_one_run(page, address):
    look(page, address)
    run = int(said(page).split()[-1])
    first = page.get_by_role("button", name="layer 0, head 0: previous token 0.72", exact=True)
    other = page.get_by_role("button", name="layer 1, head 1: unclear", exact=True)
    other.click()
    expect(page.get_by_role("heading", name="layer 1, head 1")).to_be_visible()
    expect(other).to_have_attribute("aria-pressed", "true")
    assert said(page) == f"chosen (1, 1), kept [], run {run + 1}"
    other.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    expect(first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="layer 0, head 0")).to_be_visible()
    expect(first).to_have_attribute("aria-pressed", "true")
    expect(other).to_have_attribute("aria-pressed", "false")


def test_small_pictures_have_the_theme_s_colours_and_follow_it_without_a_run(page, address):
    look(page, address)
    run, canvas = said(page), page.locator("button canvas").first
    for scheme, lowest, highest in (
        ("light", "#F8FAF9", "#0B3437"),
        ("dark", "#141C1A", "#D5F7F1"),
    ):
        page.emulate_media(color_scheme=scheme)
        wait_until(page, lambda h=highest: canvas.evaluate(PIXELS)[0] == list(bytes.fromhex(h[1:])))
        pixels = canvas.evaluate(PIXELS)
        colors = {
            None: None,
            0: list(bytes.fromhex(lowest[1:])),
            1: list(bytes.fromhex(highest[1:])),
        }
        expected = np.where(np.tri(10, dtype=bool), patterns(10, 2)[0, 0], np.nan).ravel()
        assert pixels == [colors[None if np.isnan(w) else int(w)] for w in expected]
    assert said(page) == run


def test_pointing_into_the_map_tells_both_tokens_and_the_share(page, address):
    look(page, address, (1, 0))
    weights, tip = patterns(10, 2)[1, 0], page.locator(".tip")
    map_ = page.locator(".map canvas")
    map_.scroll_into_view_if_needed()
    box = map_.bounding_box()
    seen, ahead = set(), 0
    for x in np.linspace(0.2, 0.95, 5):
        for y in np.linspace(0.2, 0.85, 5):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            if not tip.is_visible():
                continue
            text = tip.text_content()
            row, column = (int(n) - 1 for n in re.findall(r"token (\d+)\)", text))
            if column > row:
                assert "cannot look ahead" in text and "%" not in text
                ahead += 1
            else:
                assert f"gives {percent(weights[row, column])} of its attention" in text
                seen.add((row, column))
            assert page.locator(".told").text_content() == text
    assert len(seen) > 8 and ahead > 3


def test_arrow_keys_point_and_enter_keeps(page, address):
    look(page, address, (1, 0))
    weights = patterns(10, 2)[1, 0]
    lines = page.get_by_role("group", name=re.compile("Lines to what each token looks at"))
    lines.focus()
    for _ in range(2):
        page.keyboard.press("ArrowUp")
    assert numbers(page) == {
        j: percent(weights[8, j]) for j in sorted(range(9), key=lambda j: -weights[8, j])[:8]
    }
    assert "e (token 9) looks at: " in page.locator(".told").text_content()
    page.keyboard.press("Enter")
    wait_until(page, lambda: "kept [8]" in said(page))
    page.keyboard.press("Escape")
    wait_until(page, lambda: "kept []" in said(page))
    map_ = page.get_by_role("group", name=re.compile("Map: rows look"))
    map_.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    assert percent(weights[1, 0]) in page.locator(".tip").text_content()


def test_kept_tokens_weights_are_summed_and_let_go_again(page, address):
    look(page, address, (1, 0))
    canvas = page.locator(".lines canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    step = (box["height"] - 4) / 10
    for row in (9, 5, 7):
        canvas.click(position={"x": 20, "y": (row + 0.5) * step})
    wait_until(page, lambda: "kept [5, 7, 9]" in said(page))
    page.mouse.move(5, 5)
    expect(page.get_by_text("Sum of 3 tokens' attention", exact=True)).to_be_visible()
    sums = patterns(10, 2)[1, 0][[5, 7, 9]].sum(axis=0)
    for token, number in numbers(page).items():
        assert number == f"{sums[token]:.2f} of 3"
    canvas.click(position={"x": 20, "y": 7.5 * step})
    wait_until(page, lambda: "kept [5, 9]" in said(page))
    page.get_by_role("button", name="Clear", exact=True).click()
    wait_until(page, lambda: "kept []" in said(page))
    expect(page.get_by_role("button", name="Clear", exact=True)).to_be_disabled()


def test_pointing_at_a_token_on_the_right_tells_who_looks_at_it(page, address):
    look(page, address, (0, 1))
    canvas, weights = page.locator(".lines canvas"), patterns(10, 2)[0, 1]
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    step = (box["height"] - 4) / 10
    canvas.hover(position={"x": box["width"] - 20, "y": 4.5 * step})
    expect(page.locator(".about")).to_have_text("⏎ (token 5) is looked at most by")
    assert numbers(page) == {i: percent(weights[i, 4]) for i in range(4, 10)}
    assert "<" not in page.locator(".about").inner_html().replace("<bdi>", "").replace("</bdi>", "")


@pytest.mark.parametrize("kind, told", [
    ("share", lambda w: f" gives {percent(w)} of its attention to "),
    ("norm", lambda w: f" takes {2.5 * w:#.3g} from "),
    ("difference", lambda w: f": −{50 * w:.1f} points"),
], ids=["share", "norm", "difference"])  # fmt: skip
def test_what_lies_further_back_stands_in_front_on_every_scale(page, address, kind, told):
    look(page, address, (1, 0), n=9, t=4, kind=kind)
    weights = patterns(13, 2)[1, 0, 4:]
    page.get_by_role("group", name=re.compile("Map: rows look")).focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    tip = page.locator(".tip").text_content()
    assert "\n" in TOKENS[4] and tip.startswith("⏎ (token 5)")
    assert "the 4 before token 5" in tip and told(weights[0, :4].sum()) in tip
    page.keyboard.press("ArrowRight")
    tip = page.locator(".tip").text_content()
    assert tip.count("⏎ (token 5)") == 2 and told(weights[0, 4]) in tip


def test_hostile_tokens_stay_text(page, address):
    look(page, address)
    page.get_by_role("group", name=re.compile("Map: rows look")).focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    listed = page.locator("ol li").first.text_content()
    assert "<img·src=x·onerror=window.seen=1> (token 1)" in listed
    assert page.locator("img[src=x]").count() == 0
    assert page.evaluate("window.seen") is None


def test_the_picture_is_a_png_of_twice_the_size(page, address, tmp_path):
    look(page, address)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as PNG").click()
    assert download.value.suggested_filename == "head.png"
    file = tmp_path / "head.png"
    download.value.save_as(file)
    from PIL import Image

    shown = page.locator(".map canvas").bounding_box()
    picture = Image.open(file)
    assert picture.width > 2 * shown["width"] and picture.height > 2 * shown["height"]
    assert len(picture.convert("RGB").getcolors(1_000_000)) > 20


@pytest.mark.parametrize("width, height", [(1440, 900), (390, 844)])
@pytest.mark.parametrize("heads", [1, 12])
def test_maps_are_square_and_nothing_is_wider_than_the_page(page, address, width, height, heads):
    page.set_viewport_size({"width": width, "height": height})
    look(page, address, heads=heads)
    boxes = page.locator("button canvas").evaluate_all(
        "all => all.map(c => [c.getBoundingClientRect().width, c.getBoundingClientRect().height])"
    )
    assert len(boxes) == heads * heads
    assert all(64 <= w <= 200 and abs(w - h) < 1 for w, h in boxes)
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth")
    for part in (".map canvas", ".lines canvas"):
        box = page.locator(part).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width


def test_the_same_pictures_are_painted_anew_when_the_data_change(page, address):
    look(page, address)
    page.evaluate("window.before = 1")
    canvas = page.locator("button canvas").first
    canvas.evaluate("canvas => { canvas.mine = true }")
    place = canvas.bounding_box()
    page.get_by_role("button", name="layer 1, head 0").click()
    expect(page.get_by_role("heading", name="layer 1, head 0")).to_be_visible()
    settled(page)
    assert canvas.evaluate("canvas => canvas.mine") and canvas.bounding_box() == place


def test_256_tokens_and_36_heads_are_half_a_megabyte(page, address):
    sizes = []
    page.on(
        "websocket", lambda socket: socket.on("framereceived", lambda data: sizes.append(len(data)))
    )
    look(page, address, n=256, heads=6)
    assert 200_000 < sum(sizes) < 500_000


def test_512_tokens_are_drawn_and_scrolled_without_a_wait(page, address):
    look(page, address, (1, 0), n=512)
    window = page.locator(".window")
    assert window.evaluate(REDRAWS) < 1_000  # milliseconds; 20 where nothing else runs
    window.focus()
    page.keyboard.press("Home")
    page.keyboard.press("End")
    assert window.evaluate("w => w.scrollTop + w.clientHeight >= w.scrollHeight - 60")
    weights = patterns(512, 2)[1, 0, 511]
    told = numbers(page)
    assert set(told) == set(np.argsort(-weights)[:8].tolist())
    assert all(number == percent(weights[token]) for token, number in told.items())
    assert list(told) == [a for a, _ in pairwise([*told, None])]
