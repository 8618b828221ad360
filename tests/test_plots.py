import html
import json
import re
import tomllib
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigpt import plots
from minigpt.plots.theme import GUIDES_AT, OTHERS_AT, TRAIN_AT, VALIDATION_AT

ROOT = Path(__file__).parents[1]


def both(chart):
    """A chart as it rests and as it moves."""
    return plots.figure(chart), plots.option(chart)


@given(st.integers(1, 3_000), st.integers(0, 10))
def test_buckets_keep_the_extremes_and_the_ends_in_few_points(n, seed):
    y = np.random.default_rng(seed).normal(size=n)
    x, kept = plots.buckets(np.arange(n), y, most=100)
    assert len(x) <= 100
    assert (x[0], x[-1]) == (0, n - 1)
    assert (np.diff(x) > 0).all()
    assert kept.max() == y.max() and kept.min() == y.min()


def test_the_loss_curve_shows_training_validation_and_baselines_in_the_palette_s_order():
    val = np.array([np.nan, 2.0, np.nan, 1.5])
    data = np.arange(4), np.array([4, 3, 2, 1.0]), val, {"bigram": 2.4}
    figure = plots.figure(plots.loss(*data, 4))
    assert [line.name for line in figure.data] == ["training", "validation", "bigram"]
    assert figure.data[1].y.tolist() == [2.0, 1.5]
    assert figure.data[2].line.dash == "dash"
    assert all(line.line.color is None for line in figure.data)


def test_the_live_curve_is_the_same_lines_as_plain_json():
    val = np.array([np.nan, 2.0])
    data = np.arange(2), np.array([4, 3.0]), val, {"uniform": 4.1}
    option = plots.option(plots.loss(*data, 10))
    json.dumps(option, allow_nan=False)
    assert [line["name"] for line in option["series"]] == ["training", "validation", "uniform"]
    assert option["series"][1]["data"] == [[1.0, 2.0]]


def test_level_lines_are_told_apart_by_their_dashes():
    levels = {"uniform": 4.1, "bigram": 2.4, "trigram": 2.0, "lowest possible": 1.0}
    data = np.arange(2), np.array([4, 3.0]), np.array([np.nan, 2.0]), levels
    figure, option = both(plots.loss(*data, 10))
    assert len({line.line.dash for line in figure.data[1:]}) == 5
    assert len({str(line["lineStyle"]["type"]) for line in option["series"][1:]}) == 5


@pytest.mark.parametrize("losses", [
    [4.31, 3.02, 1.4142], [1e6, 3.0, 2.0], [0.0131, 0.0129, 0.0127], [2.0, 2.0, 2.0],
    [5.0, 0.0, 1.0],
])  # fmt: skip
def test_no_axis_changes_as_a_run_comes_to_rest(losses):
    steps, train = np.array([1, 2, 30]), np.array(losses)
    data = steps, train, np.where(steps > 1, train * 1.1, np.nan), {"uniform": 4.17}, 500
    runs = plots.comparison(["one", "two"], [(steps, train), (steps, train + 0.37)], "steps")
    shares = steps, np.array([0.0, 0.4, 1.0]), 500
    for chart, scale in (
        (plots.loss(*data), 1),
        (runs, 1),
        (plots.right_answers(*shares), 100),
    ):
        figure, option = both(chart)
        live, rest = option["yAxis"], figure.layout.yaxis
        assert np.allclose([live["min"], live["max"]], np.array(rest.range) * scale)
        assert np.isclose(live["interval"], rest.dtick * scale)
        assert 1 <= (live["max"] - live["min"]) / live["interval"] < 8
        for line in option["series"]:
            assert all(live["min"] <= y <= live["max"] for _, y in line["data"])
        if "max" in option["xAxis"]:
            assert (0, option["xAxis"]["max"]) == figure.layout.xaxis.range == (0, 50)


def test_a_long_run_s_live_curve_stays_small():
    n = 20_000
    chart = plots.loss(np.arange(n), np.random.rand(n), np.full(n, np.nan), {}, n)
    option = plots.option(chart)
    assert len(json.dumps(option)) < 10_000


def test_next_token_bars_show_both_probabilities():
    rows = [(" ", 0.6, 0.9), ("e", 0.4, 0.1)]
    figure, option = both(plots.next_tokens(rows))
    assert [bar.name for bar in figure.data if bar.name] == ["drawn from", "bare model"]
    assert list(figure.data[0].x) == [0.9, 0.1]
    assert figure.layout.yaxis.ticktext == ("·", "e")
    assert option["series"][GUIDES_AT[2]]["data"] == [0.6, 0.4]


def test_the_drawn_token_is_marked_among_the_bars_on_one_line():
    rows, mark = [(" ", 0.6, 0.9), ("<", 0.4, 0.1)], {1: "drawn, no. 23"}
    figure, option = both(plots.next_tokens(rows, mark))
    assert figure.layout.yaxis.ticktext == ("·", "drawn,\xa0no.\xa023\xa0\xa0<b>&lt;</b>")
    assert option["yAxis"]["data"] == ["·", "drawn,\xa0no.\xa023\xa0\xa0<"]


LINES = [(np.arange(3.0), np.array([3.0, 2.0, 1.0])) for _ in range(5)]


def test_compared_runs_keep_the_loss_s_colour_and_have_their_own():
    """Lines take their colour by position: none of another run is training's, validation's or a
    baseline's, and the one looked at has that of what its line is."""
    names = [f"run {i}" for i in range(5)]
    for validated, own in ((True, VALIDATION_AT), (False, TRAIN_AT)):
        figure, option = both(plots.comparison(names, LINES, "steps", validated=validated))
        json.dumps(option, allow_nan=False)
        live = {line.get("name"): at for at, line in enumerate(option["series"])}
        rest = {line.name: at for at, line in enumerate(figure.data)}
        for places in (live, rest):
            assert [places[name] for name in names] == [own, *OTHERS_AT]
        assert option["series"][OTHERS_AT[3]]["data"] == [[0, 3], [1, 2], [2, 1]]
        assert all(line.line.color is None for line in figure.data)
        dashes = {str(line["lineStyle"]["type"]) for line in option["series"] if "name" in line}
        assert len(dashes) == 5


def test_the_legend_of_compared_runs_shows_every_name_whole():
    long = "a text of my own, modern, learning rate 0.004, width 96, heads 8, context 256, again"
    chart = plots.comparison([long, "b <i>"], LINES[:2], "steps")
    figure, option = both(chart)
    shown = option["legend"]["data"]
    assert shown[0].replace("\n", " ") == long
    assert max(map(len, shown[0].split("\n"))) <= 44
    assert figure.data[OTHERS_AT[0]].name == "b &lt;i&gt;"
    assert option["grid"]["top"] == figure.layout.margin.t >= 19 * 3
    assert chart.height == figure.layout.height == 270 + option["grid"]["top"]


STEPS, FALLING = np.arange(1, 41), np.geomspace(4, 1, 40)
LEVELS = {"uniform": 4.1, "bigram": 2.4, "trigram": 2.0, "lowest possible": 1.0}
CHARTS = {
    "loss": plots.loss(
        STEPS, FALLING, np.where(STEPS % 9 == 0, 1.1 * FALLING, np.nan), LEVELS, 500
    ),
    "comparison": plots.comparison(
        ["one, " * 20, '"b" <i>', "c", "d", "e"],
        [(STEPS[::n] / 7, FALLING[::n]) for n in (1, 2, 3, 4, 5)],
        "seconds of training",
    ),
    "right answers": plots.right_answers(STEPS, 1 - FALLING / 4, 500),
    "compression": plots.compression(np.array([9_000, 7_000, 6_000, 5_900]), 9_000, 2),
    "next tokens": plots.next_tokens(
        [(" ", 0.6, 0.9), ("<", 0.3, 0.1), ("e", 0.1, 0.0)], {1: "drawn, no. 2"}
    ),
    "not in the palette's order": plots.Chart(
        [plots.Line(name, STEPS, FALLING, color) for name, color in (("a", 3), ("b", 1))],
        plots.Axis("step"),
        plots.Axis("loss", shown=".3f"),
        height=300,
        legend="down",
    ),
}
# A dash, as Plotly and as ECharts call it.
DASH = [
    ("solid", "solid"), ("dash", "dashed"), ("dot", "dotted"), ("dashdot", [8, 4, 2, 4]),
    ("14px,6px", [14, 6]),
]  # fmt: skip


@pytest.fixture(params=CHARTS)
def chart(request):
    return CHARTS[request.param]


def test_a_chart_at_rest_and_in_motion_has_the_same_parts_at_the_same_places(chart):
    figure, option = both(chart)
    json.dumps(option, allow_nan=False)
    assert len(figure.data) == len(option["series"]) == 1 + max(p.color for p in chart.parts)
    for part in chart.parts:
        rest, live = figure.data[part.color], option["series"][part.color]
        name = rest.name.replace("<br>", "\n")
        assert html.unescape(name) == live["name"].removesuffix(" (%)")
        assert name.split() == html.escape(part.name, quote=False).split()
        assert rest.type.replace("scatter", "line") == live["type"]
        if isinstance(part, plots.Bars):
            assert list(rest.x) == live["data"] == list(part.lengths)
            assert rest.orientation == "h" and rest.marker.color is None
            assert "itemStyle" not in live and "color" not in live
            continue
        scale = 100 if live["name"].endswith("(%)") else 1
        x, y = np.array(live["data"]).T
        np.testing.assert_array_equal(rest.x, x)
        np.testing.assert_allclose(rest.y, y / scale, atol=6e-4)
        assert (rest.line.dash, live["lineStyle"]["type"]) in DASH
        assert rest.line.dash == part.dash and rest.line.width == live["lineStyle"]["width"]
        assert ("markers" in rest.mode) == (live["symbol"] == "emptyCircle") == part.points
        assert rest.marker.size == live["symbolSize"]
        assert rest.line.color is None and set(live["lineStyle"]) == {"type", "width"}
    others = [at for at, one in enumerate(chart.placed()) if one is None]
    assert not any(len(figure.data[at].x) or figure.data[at].showlegend for at in others)
    assert not any(option["series"][at].get("name") for at in others)


def test_a_chart_at_rest_and_in_motion_has_the_same_legend_in_the_same_order(chart):
    figure, option = both(chart)
    legend, layout = option["legend"], figure.layout
    assert layout.showlegend == legend.get("show", True)
    assert (layout.legend.orientation == "v") == (legend.get("orient") == "vertical")
    rest = sorted((line for line in figure.data if line.name), key=lambda line: line.legendrank)
    live = legend["data"]
    names = [html.unescape(line.name).replace("<br>", "\n") for line in rest]
    assert names == [name.removesuffix(" (%)") for name in live]
    assert len(names) == len(chart.parts)


def test_a_chart_at_rest_and_in_motion_has_the_same_axes_in_the_same_room(chart):
    figure, option = both(chart)
    layout = figure.layout
    if isinstance(chart.y, plots.Rows):
        bold = [re.sub("</?b>", "", text) for text in layout.yaxis.ticktext]
        assert list(map(html.unescape, bold)) == option["yAxis"]["data"]
        assert layout.yaxis.autorange == "reversed" and option["yAxis"]["inverse"]
        assert layout.xaxis.rangemode == "tozero" and option["xAxis"]["min"] == 0
        return
    for rest, live in ((layout.xaxis, option["xAxis"]), (layout.yaxis, option["yAxis"])):
        scale = 100 if live["name"].endswith(" (%)") else 1
        assert rest.title.text == live["name"].removesuffix(" (%)")
        if "max" in live:
            assert np.allclose(np.array(rest.range) * scale, (live["min"], live["max"]))
        else:
            assert rest.range is None and rest.rangemode == "tozero" and live["min"] == 0
        assert (rest.dtick or 0) * scale == live.get("interval", 0)
    room = {name[0]: option["grid"][name] for name in ("left", "right", "top", "bottom")}
    assert room == {side: layout.margin[side] for side in room}


THEME = tomllib.loads((Path(__file__).parents[1] / ".streamlit/config.toml").read_text())["theme"]
# Machado, Oliveira & Fernandes 2009, "A physiologically-based model for simulation of color vision
# deficiency", severity 1: what an eye without one kind of cones makes of linear RGB.
EYES = {
    "all": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(color: str) -> np.ndarray:
    srgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*, a*, b* of linear sRGB."""
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
              [0.0193339, 0.1191920, 0.9503041]]  # fmt: skip
    x, y, z = to_xyz @ rgb / [0.95047, 1, 1.08883]
    f = [np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z)]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: str, other: str) -> float:
    low, high = sorted(0.05 + np.dot([0.2126, 0.7152, 0.0722], linear(c)) for c in (one, other))
    return high / low


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_other_runs_colours_differ_to_every_eye_and_in_grey(mode):
    palette = THEME[mode]["chartCategoricalColors"]
    assert len(palette) == 10
    own = [palette[TRAIN_AT], palette[VALIDATION_AT]]
    others = [palette[at] for at in OTHERS_AT]
    for eye in EYES.values():
        seen = {color: lab(np.clip(eye @ linear(color), 0, 1)) for color in own + others}
        for one, other in combinations(seen, 2):
            if {one, other} != set(own):
                assert np.linalg.norm(seen[one] - seen[other]) > 20, (one, other)
    grey = sorted(lab(linear(color))[0] for color in others)
    assert min(np.diff(grey)) > 6
    assert min(contrast(color, THEME[mode]["backgroundColor"]) for color in others) > 3


def test_the_figures_own_template_has_the_light_theme_s_palette():
    assert list(plots.TEMPLATE.layout.colorway) == THEME["light"]["chartCategoricalColors"]


def sizes_in(node: object) -> list[float]:
    """All sizes of letters in a figure or an option."""
    if isinstance(node, dict):
        own = [node["fontSize"]] if "fontSize" in node else []
        own += [
            value["size"] for key, value in node.items() if key.endswith("font") and "size" in value
        ]
        return own + [size for value in node.values() for size in sizes_in(value)]
    return [size for item in node for size in sizes_in(item)] if isinstance(node, list) else []


def test_letters_can_be_read_on_a_projector_in_every_figure():
    for figure in map(plots.figure, CHARTS.values()):
        shown = plots.readable(figure)
        assert all(axis.tickfont.size >= 13 for axis in shown.select_xaxes())
        assert all(axis.tickfont.size >= 13 for axis in shown.select_yaxes())
        assert shown.layout.font.size >= 14
        assert min(sizes_in(shown.to_dict())) >= 13
    for option in map(plots.option, CHARTS.values()):
        assert option["xAxis"]["axisLabel"]["fontSize"] >= 13
        assert min(sizes_in(option)) >= 13


def test_the_more_attention_the_more_a_square_stands_out_in_both_themes():
    theme = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())["theme"]

    def brightness(color: str) -> float:
        return sum(int(color[i : i + 2], 16) * w for i, w in ((1, 0.2), (3, 0.7), (5, 0.1)))

    for mode in ("light", "dark"):
        page = brightness(theme[mode]["backgroundColor"])
        scale = [brightness(color) for color in theme[mode]["chartSequentialColors"]]
        assert (np.diff([abs(color - page) for color in scale]) > 0).all()


def test_a_moment_of_a_curve_is_marked_from_bottom_to_top():
    steps, losses = np.arange(5), np.linspace(3, 1, 5)
    chart = plots.moment(steps, losses, np.full(5, np.nan), at=3, max_steps=4, height=190)
    mark = chart.parts[-1]
    assert list(mark.x) == [3, 3] and list(mark.y) == [chart.y.low, chart.y.high]
    plots.figure(chart), plots.option(chart)


def test_the_course_of_a_role_shows_every_head_and_breaks_between_them():
    lifts = np.arange(24, dtype=float).reshape(4, 2, 3) / 24
    chart = plots.course([0, 1, 2, 4], lifts, (0, 1), 0.4, at=2, max_steps=4, height=300)
    names = {part.name: part for part in chart.parts}
    np.testing.assert_allclose(names["layer 0, head 1"].y, lifts[:, 0, 1])
    np.testing.assert_allclose(names["strongest other: layer 1, head 2"].y, lifts[:, 1, 2])
    rest = names["the others"]
    assert np.isnan(rest.y).sum() == 4 and len(rest.y) == 4 * 5
    whole = np.sort(rest.y[~np.isnan(rest.y)])
    np.testing.assert_allclose(whole, np.sort(np.delete(lifts.reshape(4, 6), [1, 5], 1).ravel()))
    line = next(s for s in plots.option(chart)["series"] if s.get("name") == "the others")
    assert [y for _, y in line["data"]].count(None) == 4
    plots.figure(chart)


def test_one_head_alone_has_a_course_too():
    chart = plots.course([0, 1], np.zeros((2, 1, 1)), (0, 0), 0.4, at=1, max_steps=1, height=300)
    assert [part.name for part in chart.parts] == ["layer 0, head 0", "a role takes 0.4",
                                                   "this moment"]  # fmt: skip


def test_losses_on_copies_are_two_lines():
    losses = np.array([(3.0, 3.0), (2.9, 1.0)])
    first, later, _ = plots.copies([0, 8], losses, at=8, max_steps=8, height=200).parts
    assert (first.name, later.name) == ("first copy", "later copies")
    np.testing.assert_allclose([first.y, later.y], losses.T)


def test_next_tokens_with_and_without_a_head_are_two_bars_each():
    chart = plots.with_and_without(["a", " "], np.float32([0.7, 0.3]), np.float32([0.6, 0.4]))
    whole, left = plots.option(chart)["series"][0], plots.option(chart)["series"][-1]
    assert (whole["name"], whole["data"]) == ("whole model", [0.7, 0.3])
    assert (left["name"], left["data"]) == ("without this head", [0.6, 0.4])
    assert chart.y.texts == ["a", "·"]
