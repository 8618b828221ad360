"""The map of a lens and the waterfall of an attribution: as files, as charts, as numbers."""

import io
import math
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from minigpt import plots
from minigpt.plots.picture import colors_of
from minigpt.plots.theme import SEQUENTIAL, TEMPLATE
from tests.test_plots_heads import HOSTILE, SVG

ROWS = ["embedding", "layer 0, attention", "layer 0, MLP (output)"]


def lens_map(read: list[str], vocab_size: int = 32) -> plots.LensMap:
    R, T = len(ROWS), len(read)
    rng = np.random.default_rng(0)
    true_prob = rng.random((R, T))
    true_prob[:, -1] = np.nan
    rank = rng.integers(0, vocab_size, (R, T))
    rank[:, -1] = -1
    return plots.LensMap(
        ROWS, read, [list(reversed(read))] * R, prob=rng.random((R, T)), true_prob=true_prob,
        rank=rank, entropy=5 * rng.random((R, T)), kl=9 * rng.random((R, T)),
        decided=rng.integers(0, R, T), vocab_size=vocab_size,
    )  # fmt: skip


def texts(svg: str) -> list[str]:
    return [text.text for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("view", plots.VIEWED)
def test_the_map_has_a_cell_for_each_part_at_each_position_on_one_scale(view):
    found = lens_map(list("hello world"))
    picture = plots.lens_svg(found, view, "what it says")
    drawn = [
        rect.get("fill") for rect in ElementTree.fromstring(picture).iter(f"{SVG}rect")
        if rect.get("width") != "100%" and rect.get("fill") != "url(#scale)"
    ]  # fmt: skip
    highest = 1.0 if view == "true" else math.log2(32)
    colors = colors_of(SEQUENTIAL, 0.0, highest)(found.values(view))
    expected = [
        "#{:02X}{:02X}{:02X}".format(*color[:3]) if color[3] else "url(#ahead)"
        for at in range(11)
        for color in colors[:, at].tolist()
    ]
    assert drawn == expected
    said = texts(picture)
    assert said.count("embedding") == 1 and "comes next" in said and plots.VIEWED[view] in said
    assert found.ends(view)[1] == {"true": "100 %", "entropy": "5.0", "kl": "5.0 or more"}[view]


def test_long_texts_are_broken_into_lines_that_say_where_they_begin():
    found = lens_map(["word"] * 300).newest(256)
    assert len(found.read) == 256 and found.kl.shape == (3, 256)
    said = texts(plots.lens_svg(found, "true", "long", first=44))
    lines = [text for text in said if text and text.startswith("from token ")]
    assert lines[0] == "from token 45" and len(lines) == said.count("embedding") > 5
    root = ElementTree.fromstring(plots.lens_svg(found, "true", "long"))
    assert float(root.get("width")) < 1_100


def test_any_token_can_stand_in_the_map_and_in_its_numbers():
    found = lens_map([*HOSTILE, "日本語の長い語", "nan", "NA"])
    ElementTree.fromstring(plots.lens_svg(found, "true", "<&>\x00"))
    numbers = pd.read_csv(io.StringIO(plots.lens_table(found)), keep_default_na=False)
    assert len(numbers) == len(found.read) * 3
    assert numbers["read"].tolist()[::3][-3:] == ["日本語の長い語", "nan", "NA"]


def test_the_numbers_of_a_map_come_back_as_they_were():
    found = lens_map(list("hello"))
    numbers = pd.read_csv(io.StringIO(plots.lens_table(found, first=7)))
    assert numbers["position"].tolist() == [8, 8, 8, 9, 9, 9, 10, 10, 10, 11, 11, 11, 12, 12, 12]
    assert numbers["part"].tolist() == ROWS * 5
    for title, values in {
        "probability": found.prob, "probability of next": found.true_prob,
        "rank of next": np.where(found.rank < 0, np.nan, found.rank + 1),
        "entropy (bits)": found.entropy, "KL to output (bits)": found.kl,
        "decided": np.where(np.arange(3)[:, None] >= found.decided, "yes", "no"),
    }.items():  # fmt: skip
        back = numbers[title].to_numpy().reshape(5, 3).T
        if title == "decided":
            assert back.tolist() == values.tolist()
        else:
            np.testing.assert_allclose(back, values, atol=1e-6)
    assert numbers["next"].tolist()[:3] == ["e"] * 3 and numbers["next"].isna().sum() == 3


NAMES, AMOUNTS = ["token embedding", "layer 0, head 0", "layer 0, MLP"], np.array([1.5, -2.25, 4.0])


def test_in_a_waterfall_each_part_begins_where_the_one_before_it_ends():
    chart = plots.waterfall(NAMES, AMOUNTS, 3.25, "logit of e")
    figure, option = plots.figure(chart), plots.option(chart)
    lowers, raises, total = figure.data[:3]
    assert figure.layout.barmode == "overlay" and not total.name.startswith("raises")
    assert list(raises.base) == [0.0, 1.5, -0.75, 0.0] == list(lowers.base)
    assert list(raises.x) == [1.5, 0, 4.0, 0] and list(lowers.x) == [0, -2.25, 0, 0]
    below = option["series"][0]
    assert below["data"] == [0.0, 1.5, -0.75, 0.0] and below["itemStyle"]["color"] == "transparent"
    stacked = [series for series in option["series"] if series["type"] == "bar"]
    assert {(series["stack"], series["stackStrategy"]) for series in stacked} == {("sum", "all")}
    bars = [bar for series in stacked[1:] for bar in series["data"] if bar["value"]]
    said = [bar["label"]["formatter"] for bar in bars]
    assert sorted(said) == sorted(["+1.50", "−2.25", "+4.00", "+3.25"])
    assert option["xAxis"]["min"] < -0.75 and option["xAxis"]["max"] > 3.25


def test_a_waterfall_s_file_shows_every_part_in_the_palette_s_colours():
    chart = plots.waterfall(NAMES, AMOUNTS, 3.25, "logit of <e>")
    root = ElementTree.fromstring(plots.waterfall_svg(chart, "what gave <e> its logit"))
    rects = [rect for rect in root.iter(f"{SVG}rect") if rect.get("width") != "100%"]
    train, validation, guide = (TEMPLATE.layout.colorway[i] for i in (0, 1, 2))
    assert [rect.get("fill") for rect in rects] == [train, validation, validation, guide]
    wide = np.array([float(rect.get("width")) for rect in rects])
    np.testing.assert_allclose(wide / wide[0], np.array([2.25, 1.5, 4.0, 3.25]) / 2.25, atol=0.01)
    assert [*NAMES, "sum"] == [t.text for t in root.iter(f"{SVG}text")][1:5]


def test_nothing_at_all_has_its_waterfall_too():
    chart = plots.waterfall(["token embedding"], np.zeros(1), 0.0, "logit")
    assert plots.option(chart)["xAxis"]["min"] < plots.option(chart)["xAxis"]["max"]
    ElementTree.fromstring(plots.waterfall_svg(chart, "nothing"))


def test_the_numbers_of_a_waterfall_come_back_and_end_at_the_sum():
    numbers = pd.read_csv(io.StringIO(plots.waterfall_table(NAMES, AMOUNTS, 3.25)))
    assert numbers["part"].tolist() == [*NAMES, "sum"]
    assert numbers["amount"].tolist() == [*AMOUNTS, 3.25]
