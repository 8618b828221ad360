"""One head's map: as a small picture, as bytes for a browser, as SVG, as CSV."""

import base64
import io
import re
import tomllib
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from minigpt import plots
from minigpt.plots.picture import png
from minigpt.plots.theme import DIVERGING, LABELS, SEQUENTIAL
from minigpt.tokenizers.visible import columns

ROOT = Path(__file__).parents[1]
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = ["<img src=x onerror=alert(1)>", "&amp;", '"', "'", "\x00", "\u202e", "]]>", "", "e", "e"]


def pattern(T: int, N: int | None = None, seed: int = 0) -> np.ndarray:
    """The rows of the newest N of T tokens, each of sum 1."""
    weights = np.tril(np.random.default_rng(seed).gamma(0.3, size=(T, T)) + 1e-9)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)[-(N or T) :]


@pytest.mark.parametrize("T", [1, 2, 63, 64, 65, 200, 512])
def test_a_small_picture_keeps_the_maximum_of_every_block(T):
    whole = pattern(T)
    picture, side = plots.thumbnail(whole), min(T, 64)
    assert picture.shape == (side, side) and picture.dtype == np.uint8
    for row in range(side):
        rows = range(row * T // side, (row + 1) * T // side)
        for column in range(side):
            columns = range(column * T // side, (column + 1) * T // side)
            block = [whole[i, j] for i in rows for j in columns if j <= i]
            assert picture[row, column] == (1 + round(254 * float(max(block))) if block else 0)


def test_a_small_picture_has_one_scale_for_every_head_and_hides_the_future():
    flat, sharp = np.tril(np.ones((5, 5))) / np.arange(1, 6)[:, None], np.eye(5)
    pictures = plots.thumbnail(np.stack([[flat, sharp]]))
    assert pictures.shape == (1, 2, 5, 5)
    assert pictures[0, 1].max() == 255 and pictures[0, 0, 4].tolist() == [52] * 5
    assert (pictures[..., ~np.tri(5, dtype=bool)] == 0).all()
    assert (pictures[..., np.tri(5, dtype=bool)] > 0).all(), "nothing is not the same as no look"


def test_a_small_picture_of_a_long_text_begins_with_what_lies_further_back():
    rows = np.zeros((64, 100))
    rows[:, 3] = 1.0
    picture = plots.thumbnail(rows)
    assert (picture[:, 0] == 255).all() and (picture[:, 1:] <= 1).all()


def unpacked(data: bytes, N: int, T: int, form: str, highest: float) -> np.ndarray:
    """What a browser reads out of the bytes, by the words that describe them."""
    numbers, at = np.frombuffer(data, form), 0
    found = np.zeros((N, N + (N < T)))
    for row in range(N):
        many = row + 1 + (N < T)
        found[row, :many] = numbers[at : at + many] * highest / np.iinfo(form).max
        at += many
    assert at == len(numbers)
    return found


@pytest.mark.parametrize("T, N", [(1, 1), (7, 7), (40, 12), (512, 512)])
def test_a_packed_map_is_the_map_again(T, N):
    rows = pattern(T, N)
    data = plots.packed(rows)
    assert len(data) == N * (N + 1) + 2 * N * (N < T)
    found = unpacked(data, N, T, "<u2", 1.0)
    np.testing.assert_allclose(found[:, N < T :], rows[:, T - N :], atol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-2 if N > 99 else 1e-3)

    found = unpacked(plots.packed(5 * rows, "norm", 6.0), N, T, "<u2", 6.0)
    np.testing.assert_allclose(found[:, N < T :], 5 * rows[:, T - N :], atol=1e-4)

    change = rows - pattern(T, N, seed=1)
    found = unpacked(plots.packed(change, "difference"), N, T, "<i2", 1.0)
    np.testing.assert_allclose(found[:, N < T :], change[:, T - N :], atol=2e-5)


@pytest.mark.parametrize("kind, weight", [("share", 1.1), ("share", -0.1), ("share", np.nan),
                                          ("norm", 2.1), ("difference", -2.5)])  # fmt: skip
def test_a_weight_that_the_scale_has_not_is_refused_and_not_cut(kind, weight):
    with pytest.raises(ValueError, match="a weight is not between"):
        plots.packed(np.array([[weight]]), kind, 1.0 if kind == "share" else 2.0)


def test_pandas_reads_the_table_back_with_every_repeated_token():
    tokens = ["a", " ", "a", "a.1", ",", '"', "\n", "NaN", "", "a"]
    rows = pattern(10, 6)
    table = pd.read_csv(io.StringIO(plots.table(rows, tokens)), index_col=0)
    assert len(set(table.columns)) == 10 and list(table.index) == list(table.columns)[4:]
    assert list(table.columns)[:3] == ["1 a", "2 ·", "3 a"]
    np.testing.assert_allclose(table.to_numpy(), rows, atol=1e-5)


def read(picture: str) -> ElementTree.Element:
    return ElementTree.fromstring(picture)


def fills(picture: ElementTree.Element) -> list[str]:
    return [rect.get("fill") for rect in picture.iter(f"{SVG}rect")]


def test_a_picture_has_a_square_for_every_weight_in_the_scale_s_colours():
    picture = read(plots.svg(np.array([[1.0, 0, 0], [0, 1, 0], [0.25, 0.75, 0]]), "abc", "t"))
    cells = [fill for fill in fills(picture) if fill.startswith("#")]
    lowest, highest = SEQUENTIAL[0], SEQUENTIAL[-1]
    assert cells[:3] == [highest, lowest, highest] and len(cells) == 6
    assert cells[5] == lowest
    sizes = {(r.get("width"), r.get("height")) for r in picture.iter(f"{SVG}rect")}
    assert ("31.00", "31.00") in sizes


def test_of_many_tokens_the_cells_are_one_image_whose_pixels_are_the_weights():
    whole = pattern(300)
    picture = read(plots.svg(whole, ["x"] * 300, "long"))
    (image,) = picture.iter(f"{SVG}image")
    data = base64.b64decode(image.get("href").removeprefix("data:image/png;base64,"))
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    assert pixels.shape == (300, 300, 4)
    assert ((pixels[..., 3] > 0) == np.tri(300, dtype=bool)).all()
    strongest = np.unravel_index(whole.argmax(), whole.shape)
    assert pixels[strongest][:3].tolist() == [
        round(np.interp(whole.max(), np.linspace(0, 1, 10), stops))
        for stops in zip(*[bytes.fromhex(color[1:]) for color in SEQUENTIAL], strict=True)
    ]
    labels = [text for text in picture.iter(f"{SVG}text") if text.get("class") == "token"]
    said = next(text.text for text in picture.iter(f"{SVG}text") if "has its label" in text.text)
    assert len(labels) == 2 * -(-300 // int(re.search(r"in (\d+)", said)[1]))


def test_what_tokens_and_titles_hold_stays_text_in_a_picture():
    text = plots.svg(pattern(10), HOSTILE, "</text><script>alert(1)</script>\x07")
    picture = read(text)
    assert not list(picture.iter(f"{SVG}script")) and not list(picture.iter(f"{SVG}img"))
    labels = [t.text for t in picture.iter(f"{SVG}text") if t.get("class") == "token"]
    assert labels[1::2][1:6] == ["&amp;", '"', "'", "<U+0000>", "<U+202E>"]
    assert labels[1::2][7:] == ["∅", "e", "e"]


@pytest.mark.parametrize("kind, highest, low, high", [
    ("share", 1.0, "0 %", "100 %"), ("norm", 2.34567, "0", "2.35"),
    ("difference", 1.0, "−100 %", "+100 %"),
])  # fmt: skip
def test_the_scale_of_a_picture_says_its_ends(kind, highest, low, high):
    rows = pattern(4) * (1 if kind == "share" else 0.5)
    picture = read(plots.svg(rows, "abcd", "t", kind, highest))
    said = [text.text for text in picture.iter(f"{SVG}text")]
    assert low in said and high in said


def test_a_picture_s_labels_stand_inside_it_and_apart():
    for tokens in (["antidisestablishment"] * 40, ["日本語の文字列"] * 90, ["a"] * 512, ["a"]):
        N = len(tokens)
        for T in (N, N + 3):
            picture = read(plots.svg(pattern(T, N), ["z"] * (T - N) + tokens, "a name " * 12))
            width, height = float(picture.get("width")), float(picture.get("height"))
            labels = [t for t in picture.iter(f"{SVG}text") if t.get("class") == "token"]
            beside = [t for t in labels if t.get("text-anchor") == "end"]
            ys = [float(t.get("y")) for t in beside]
            assert all(b - a >= LABELS for a, b in pairwise(ys)) and ys[-1] < height
            letters = max(columns(t.text) for t in beside) * 0.6 * LABELS
            assert float(beside[0].get("x")) > letters + 24
            for label in labels:
                if place := label.get("transform"):
                    x, y = map(float, re.findall(r"[\d.]+", place)[:2])
                    reach = 0.71 * 0.6 * LABELS * columns(label.text)
                    assert x + reach < width and y - reach > 50
            said = max(
                float(t.get("x")) + 9 * len(t.text) for t in picture if t.get("x") and t.text
            )
            assert said < width


def test_an_image_is_read_by_others():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 9, 4), dtype=np.uint8)
    assert (np.asarray(Image.open(io.BytesIO(png(pixels)))) == pixels).all()


def test_pictures_have_the_colours_of_the_light_theme():
    theme = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())["theme"]["light"]
    assert list(SEQUENTIAL) == theme["chartSequentialColors"]
    assert list(DIVERGING) == theme["chartDivergingColors"]
