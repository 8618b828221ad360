"""Attention in a browser: square maps, labels that can be read; and where a new text stands."""

import re
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from minigpt.config import GPTConfig, TrainConfig
from minigpt.store import EVERYONE, Store
from minigpt.tokenizers import BPETokenizer, CharTokenizer
from tests.e2e.browser import EXCEPTION, visit, wait_until
from tests.servers import app_server

LONG = (
    "Encyclopaedias everywhere, unquestionably; extraordinarily interesting correspondence.\n" * 40
)
WIDTHS = [(1440, 900), (390, 844)]
UNKNOWN = "日本語の文字ばかりの文 " * 5
# Rectangles of the labels of the large map that can be seen, and the lengths of all maps' axes.
LABELS = """axis => [...[...document.querySelectorAll('.js-plotly-plot')].pop()
    .querySelectorAll(`.${axis}tick text`)].map(label => label.getBoundingClientRect())
    .filter(box => box.width).map(box => [box.left, box.top, box.right, box.bottom])"""
AXES = """() => [...document.querySelectorAll('.js-plotly-plot')].flatMap(figure =>
    Object.values(figure._fullLayout._plots).map(plot =>
        [plot.xaxis._length / Math.abs(plot.xaxis.range[1] - plot.xaxis.range[0]),
         plot.yaxis._length / Math.abs(plot.yaxis.range[1] - plot.yaxis.range[0]),
         plot.xaxis._length]))"""
LETTERS = """() => [...document.querySelectorAll('.js-plotly-plot .main-svg text')]
    .filter(text => text.textContent && text.getBoundingClientRect().width)
    .map(text => [parseFloat(getComputedStyle(text).fontSize), text.textContent])"""


@pytest.fixture(scope="module")
def maps(tmp_path_factory) -> dict[str, str]:
    """Addresses of Attention for a run in BPE with one head, one with one head in two layers, and
    the demo with four."""
    home = tmp_path_factory.mktemp("maps")
    store = Store(home)
    train = TrainConfig(max_steps=4, batch_size=2, eval_interval=2, warmup_steps=1)
    runs = {}
    for name, tokenizer, layers in (
        ("bpe", BPETokenizer.train(LONG, 400), 1),
        ("one head", CharTokenizer.train(LONG), 2),
    ):
        text_id = store.add_text(EVERYONE, name, LONG)
        model = GPTConfig(tokenizer.vocab_size, block_size=96, n_layer=layers, n_head=1, n_embd=8)
        runs[name] = store.create_run(EVERYONE, name, text_id, tokenizer.to_json(), model, train)
    with app_server(home) as server:
        addresses = {name: f"{server.address}/Attention?run={run}" for name, run in runs.items()}
        yield {**addresses, "demo": f"{server.address}/Attention"}
    store.close()


def look(page: Page, address: str, text: str | None = None) -> None:
    visit(page, address, "Attention")
    field = page.get_by_role("textbox", name="Text to look at")
    for _ in range(100):  # until the run has weights
        expect(page.get_by_test_id("stApp")).to_have_attribute(
            "data-test-script-state", "notRunning"
        )
        if page.locator(".js-plotly-plot").count() == 2:
            break
        page.wait_for_timeout(200)
        page.reload()
    if text is not None:
        field.fill(text)
        field.press("Control+Enter")
        expect(page.get_by_test_id("stApp")).to_have_attribute(
            "data-test-script-state", "notRunning"
        )
    wait_until(page, lambda: len(page.evaluate(LABELS, "y")) > 1)
    page.wait_for_timeout(600)


def touching(boxes: list[list[float]]) -> int:
    """How many neighbouring labels overlap; slanted ones by the distance of their feet."""
    pairs = pairwise(boxes)
    return sum(a[2] > b[0] + 1 and a[3] > b[1] + 2 and b[2] > a[0] + 1 for a, b in pairs)


@pytest.mark.parametrize("width, height", WIDTHS)
@pytest.mark.parametrize("name", ["bpe", "one head", "demo"])
def test_maps_are_square_and_all_letters_large_enough(page, maps, name, width, height):
    page.set_viewport_size({"width": width, "height": height})
    look(page, maps[name])
    axes = page.evaluate(AXES)
    assert len(axes) == {"bpe": 2, "one head": 3, "demo": 9}[name]
    for across, down, length in axes:
        assert across == pytest.approx(down, rel=0.02)
        assert length > (60 if name == "demo" else 150)
    small = [text for size, text in page.evaluate(LETTERS) if size < 13]
    assert not small
    assert page.locator(EXCEPTION).count() == 0


@pytest.mark.parametrize("width, height", WIDTHS)
@pytest.mark.parametrize(
    "name, text",
    [
        ("bpe", LONG[:340]),
        ("demo", UNKNOWN),
        ("demo", None),
        ("demo", "a lamp in the harbour " * 9),
    ],
)
def test_labels_never_overlap(page, maps, name, text, width, height):
    page.set_viewport_size({"width": width, "height": height})
    look(page, maps[name], text)
    # While a chart is drawn once more it has no labels.
    wait_until(page, lambda: min(len(page.evaluate(LABELS, axis)) for axis in "xy") >= 4)
    slanted = (
        page.locator(".js-plotly-plot").last.locator(".xtick text").first.get_attribute("transform")
    )
    across, down = page.evaluate(LABELS, "x"), page.evaluate(LABELS, "y")
    lines = [(a[1] + 3, b[3] - 3) for a, b in zip(down[1:], down, strict=False)]
    assert all(top >= bottom - 2 for top, bottom in lines), "labels of rows"
    if "rotate(-45" in (slanted or ""):
        feet = [box[0] for box in across]
        assert min(b - a for a, b in pairwise(feet)) >= 18, "slanted labels"
    else:
        assert touching(across) == 0


@pytest.mark.parametrize("width, height", WIDTHS)
@pytest.mark.parametrize("text", ["a, b, correspondence", LONG[:60], LONG[:340]])
def test_every_column_and_row_has_its_label_or_the_page_says_which(page, maps, width, height, text):
    page.set_viewport_size({"width": width, "height": height})
    look(page, maps["bpe"], text)
    chart = page.locator(".js-plotly-plot").last
    tokens = chart.evaluate("chart => chart.data[0].x.length ?? chart.data[0].x.shape")
    ticks = chart.evaluate("chart => chart.layout.yaxis.tickvals.length")
    assert ticks == tokens or not isinstance(tokens, int)
    said = page.locator(".mg-thinned").last
    for axis, name in (("x", "column"), ("y", "row")):
        wait_until(page, lambda axis=axis: len(page.evaluate(LABELS, axis)) >= min(ticks, 4))
        seen = page.evaluate(LABELS, axis)
        told = re.search(rf"One {name} in (\d+) has its label", said.inner_text())
        every = int(told[1]) if told else 1
        assert len(seen) == -(-ticks // every), name
        edge = chart.bounding_box()
        assert all(box[2] <= edge["x"] + edge["width"] + 1 for box in seen), "none is cut"


def test_the_csv_is_named_after_run_moment_layer_and_head(page, maps):
    look(page, maps["one head"])
    page.get_by_role("radiogroup", name="Layer").get_by_text("1").click()
    wait_until(page, lambda: named(page) == "one-head-step4-attention-layer1-head0.csv")


def named(page: Page) -> str:
    """The name of the file that the page hands over."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    return download.value.suggested_filename


def test_pointing_at_a_square_tells_tokens_positions_and_share(page, maps):
    look(page, maps["demo"], 'a"b')
    map_ = page.locator(".js-plotly-plot").last.locator(".nsewdrag").first
    box = map_.bounding_box()
    at = {"x": box["width"] / 6, "y": box["height"] * 5 / 6}
    hover = page.locator(".hoverlayer .hovertext")

    def told() -> str:
        """What stands at the mouse; a chart that is drawn once more forgets that it is there."""
        page.mouse.move(0, 0)
        map_.hover(position=at, force=True)
        page.wait_for_timeout(200)
        return hover.last.text_content() if hover.count() else ""

    wait_until(page, lambda: "a (token 1)" in told())
    assert re.search(r"b \(token 3\) gives [\d.]+% of its attention", told())
    ticks = page.locator(".js-plotly-plot").last.locator(".xtick text")
    assert "".join(ticks.all_text_contents()) in ('a"b', "a<unk>b")


def test_the_new_text_of_a_long_prompt_is_in_the_first_view(page, maps):
    visit(page, maps["demo"].replace("Attention", "Generate"), "Generate")
    expect(page.get_by_role("heading", name="How it chose")).to_be_visible()
    prompt = page.get_by_role("textbox", name="Prompt")
    prompt.fill("Once there was a lamp in the harbour.\n" * 300)
    prompt.press("Control+Enter")
    page.get_by_role("button", name="Write").click()
    expect(page.get_by_text("context holds 128")).to_be_visible()
    written = page.locator(".mg-text span[title]")
    expect(written.first).to_be_in_viewport()
