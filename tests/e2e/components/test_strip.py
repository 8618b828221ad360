"""The token strip, drawn in a browser from tokens of known numbers."""

import math
import re

import pytest
from playwright.sync_api import Page, expect

from minigpt.tokenizers.visible import visible
from minigpt.ui.components.strip import Rival, Told
from tests.e2e.browser import settled, wait_until
from tests.e2e.test_accessibility import expect_accessible

APP = """
import streamlit as st
from minigpt.ui.components.strip import branched, clicked, strip
from tests.e2e.components.test_strip import told

st.set_page_config(layout="wide")
asked, state = st.query_params, st.session_state
state.runs = state.get("runs", 0) + 1
written = told(int(asked.get("n", 40)))

@st.fragment(run_every=0.06 if "stream" in asked else None)
def show():
    if (token := clicked("strip", len(written))) is not None:
        state.chosen = token
    if other := branched("strip", written):
        state.branch = other
    many = state.many = min(len(written), state.get("many", 0) + 8)
    tokens = written[:many] if "stream" in asked else written
    strip(
        "Once upon a time,\\n", "<b>struck</b> through ", tokens, key="strip",
        chosen=state.get("chosen"), copied=[(5, 21)], shade="plain" not in asked,
    )
    st.text(f"chosen {state.get('chosen')}, branch {state.get('branch')}, tokens {len(tokens)}")

show()
st.text(f"runs {state.runs}")
"""
WORDS = [
    " the", " ", "\n", "<img src=x onerror=window.seen=1>", "日本", "", "ed", "</span>", " s",
    "<unk>",
]  # fmt: skip


def told(n: int) -> list[Told]:
    """n tokens, the i-th of i % 11 bits, each the (i % 9 + 1)-th of ten candidates."""
    return [_told(i) for i in range(n)]


def _told(i: int) -> Told:
    text, bits = WORDS[i % len(WORDS)], i % 11
    label = "<0xE2>" if text == "" else visible(text)
    drawn = i % 9
    candidates = [
        Rival(
            id=10 * (i % 90) + k,
            label=label if k == drawn else f"{k}·{visible(WORDS[k])[:9]}",
            prob=2.0**-bits if k == drawn else 0.4 * 0.5**k,
            drawn_from=0.0 if k > 6 and k != drawn else 0.5 * 0.6**k,
            cut_by={7: "top_k", 8: "top_p", 9: "min_p"}.get(k) if k != drawn else None,
            drawn=k == drawn,
        )
        for k in range(10)
    ]
    return Told(text, label, 2.0**-bits, drawn + 1, float(bits), candidates, text == "<unk>")


def look(page: Page, address: str, **asked: object) -> None:
    page.goto(f"{address}/?" + "&".join(f"{name}={value}" for name, value in asked.items()))
    expect(page.locator(".token").first).to_be_visible()
    if "stream" not in asked:
        settled(page)


def said(page: Page) -> str:
    return page.get_by_test_id("stText").first.inner_text()


def token(page: Page, i: int):
    return page.locator(".token").nth(i)


def choose(page: Page, i: int) -> None:
    token(page, i).click()
    wait_until(page, lambda: f"chosen {i}," in said(page))


def test_pointing_tells_a_token_its_probability_its_rank_and_its_bits(page, address):
    look(page, address)
    card = page.locator(".card")
    expect(card).to_be_hidden()
    for i, words in (
        (0, "·theprobability 100.0 %, rank 1, under 0.01 bits"),
        (12, "⏎probability 50.0 %, rank 4, 1.00 bits"),
        (10, "·theprobability 0.10 %, rank 2, 10.00 bits"),
        (5, "<0xE2>probability 3.1 %, rank 6, 5.00 bits"),
    ):
        token(page, i).hover()
        assert card.text_content().replace("in a passage that stands word for word in the "
                                           "training text", "") == words  # fmt: skip
    page.mouse.move(5, 5)
    expect(card).to_be_hidden()


def test_colour_follows_the_bits_to_their_fixed_end_and_can_be_switched_off(page, address):
    look(page, address)
    alpha = "span => parseFloat(getComputedStyle(span).backgroundColor.match(/[\\d.]+\\)$/)[0])"
    for i in (1, 4, 8, 21):  # of 1, 4, 8 and 10 bits
        seen = token(page, i).evaluate(alpha)
        assert seen == pytest.approx(0.55 * min(1, i % 11 / 8), abs=0.01)
    look(page, address, plain=1)
    assert token(page, 8).evaluate(alpha) == 0


def test_a_click_shows_the_candidates_before_and_after(page, address):
    look(page, address)
    assert page.locator("li").count() == 0  # nothing is built before it is asked for
    choose(page, 16)
    assert "runs 1" in page.get_by_test_id("stText").last.inner_text()  # the fragment's run alone
    expect(token(page, 16)).to_have_attribute("aria-selected", "true")
    expect(page.locator(".about")).to_have_text(
        "ed is token 17 of 40: probability 3.1 %, rank 8, 5.00 bits."
    )
    rows = page.locator("li")
    assert rows.count() == 10
    for k, rival in enumerate(_told(16).candidates):
        row = rows.nth(k)
        assert row.locator("bdi").text_content() == rival.label
        widths = row.locator(".bar i").evaluate_all(
            "bars => bars.map(b => b.offsetWidth / b.parentElement.offsetWidth)"
        )
        assert widths == pytest.approx([rival.prob, rival.drawn_from], abs=0.005)
        bare, after = row.locator(".numbers > span").all_text_contents()
        shown = float(re.fullmatch(r"bare model: ([\d.]+) %", bare)[1])
        assert math.isclose(shown, 100 * rival.prob, abs_tol=0.051)
        assert (
            rival.cut_by is None or after == f"drawn from: cut by {rival.cut_by[:-2]}-{after[-1]}"
        )
        assert (row.get_attribute("class") == "drawn") == rival.drawn == (k == 7)
    assert rows.nth(7).text_content().endswith("drawn, no. 8")
    choose(page, 4)
    expect(token(page, 16)).to_have_attribute("aria-selected", "false")
    expect(page.locator(".about")).to_contain_text("日本 is token 5 of 40")


def test_any_candidate_but_the_drawn_one_can_be_gone_on_with(page, address):
    look(page, address)
    choose(page, 16)
    buttons = page.get_by_role("button", name=re.compile("^Go on with this one: "))
    assert buttons.count() == 9
    page.locator("li").nth(9).get_by_role("button").click()  # also one that min-p cut
    wait_until(page, lambda: "branch (16, 169)" in said(page))
    page.get_by_role("button", name="Go on with this one: 0··the", exact=True).press("Enter")
    wait_until(page, lambda: "branch (16, 160)" in said(page))


def test_the_keyboard_walks_points_and_chooses(page, address):
    look(page, address, n=60)
    token(page, 0).focus()
    for key, i in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowDown", 3), ("ArrowDown", 13),
                   ("ArrowUp", 3), ("End", 59), ("ArrowLeft", 58), ("Home", 0)):  # fmt: skip
        page.keyboard.press(key)
        expect(token(page, i)).to_be_focused()
        expect(page.locator(".card")).to_contain_text(
            f"{_told(i).bits:.2f} bits" if i % 11 else "0.01"
        )
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    wait_until(page, lambda: "chosen 59," in said(page))
    page.keyboard.press("Tab")  # one stop for the whole text
    expect(page.locator("li button").first).to_be_focused()


def test_what_was_written_stays_text_and_its_line_ends_are_seen(page, address):
    look(page, address)
    choose(page, 3)
    expect(page.locator(".about bdi")).to_have_text("<img·src=x·onerror=window.seen=1>")
    assert page.locator(".unread").text_content() == "<b>struck</b> through "
    assert page.evaluate("document.querySelectorAll('.stApp img[src=x]').length") == 0
    assert page.locator(".strip img, .strip b").count() == 0
    assert page.evaluate("window.seen") is None
    lines = page.locator(".written").inner_text().split("\n")
    assert len(lines) == 5 and lines[1].startswith(WORDS[3] + "日本<0xE2>ed</span> s<unk>")
    assert (
        token(page, 2).evaluate(
            "span => getComputedStyle(span.querySelector('.newline'), '::before').content"
        )
        == '"⏎"'
    )


def test_copied_passages_are_underlined_to_the_character(page, address):
    look(page, address)
    whole = "".join(WORDS)
    assert "".join(page.locator(".copied").all_text_contents()) == whole[5:21]
    token(page, 3).hover()
    expect(page.locator(".card")).to_contain_text("word for word in the training text")


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_is_wider_than_the_page(page, address, width):
    page.set_viewport_size({"width": width, "height": 844})
    look(page, address, n=60)
    choose(page, 23)
    for i in (3, 9, 33):
        token(page, i).hover()
        box = page.locator(".card").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth")
    rights = page.locator("li *").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect().right)"
    )
    assert max(rights) <= width


def test_a_tap_chooses(browser, address):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    look(page, address)
    token(page, 6).tap()
    wait_until(page, lambda: "chosen 6," in said(page))
    expect(page.locator(".card")).to_be_hidden()
    page.locator("li button").first.tap()
    wait_until(page, lambda: "branch (6, 60)" in said(page))
    context.close()


def test_a_text_that_grows_keeps_its_tokens_and_its_place(page, address):
    look(page, address, n=900, stream=1)
    first, box = token(page, 0), page.locator(".text")
    first.evaluate("span => { span.mine = true }")
    at_end = "box => box.scrollHeight - box.scrollTop - box.clientHeight < 2"
    wait_until(page, lambda: page.locator(".token").count() > 250)
    assert box.evaluate("box => box.scrollHeight > box.clientHeight") and box.evaluate(at_end)
    box.evaluate("box => { box.scrollTop = 40 }")
    before = page.locator(".token").count()
    wait_until(page, lambda: page.locator(".token").count() > before + 20)
    assert box.evaluate("box => box.scrollTop") == 40
    assert first.evaluate("span => span.mine")


def test_2_000_tokens_of_ten_candidates_are_half_a_megabyte_and_answer_at_once(page, address):
    sizes = []
    page.on(
        "websocket", lambda socket: socket.on("framereceived", lambda data: sizes.append(len(data)))
    )
    look(page, address, n=2_000)
    assert 200_000 < sum(sizes) < 700_000
    assert page.locator(".strip *").count() < 4_000
    wait = page.locator(".written").evaluate(
        """written => new Promise(done => {
            const start = performance.now()
            written.querySelectorAll('.token')[1_900].click()
            requestAnimationFrame(() => setTimeout(() => done(performance.now() - start))) })"""
    )
    assert page.locator("li").count() == 10 and wait < 1_000  # milliseconds


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_and_reached(page, address, scheme):
    page.emulate_media(color_scheme=scheme)
    look(page, address)
    choose(page, 16)
    token(page, 8).hover()
    expect_accessible(page, "the strip")
