"""Vectors in a plane as a chart at rest, in motion, as a picture and as a table."""

import csv
import io
import json
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest

from minigpt import plots
from minigpt.plots.picture import LETTER
from minigpt.plots.scattered import SIDE, apart_enough
from minigpt.plots.theme import GUIDES_AT, LABELS, OTHERS_AT, TRAIN_AT
from minigpt.tokenizers.visible import columns

SVG = "{http://www.w3.org/2000/svg}"
NAMES = ["vowels", "consonants", "punctuation", "space"]
TOKENS = ["a", "e", "t", "<b>", " ", "\n"]
CLASSES = ["vowels", "vowels", "consonants", "punctuation", "space", "space"]
POINTS = np.array([[1, 2], [1.2, 1.5], [-2, 0.5], [0.3, -2.4], [-1, -1], [2, -0.2]])


@pytest.fixture
def chart():
    return plots.scattered(POINTS, TOKENS, CLASSES, NAMES, chosen=0, near=[1, 5])


def test_every_class_has_its_colour_whichever_others_are_there(chart):
    assert [(p.name, p.color) for p in chart.parts if isinstance(p, plots.Points)] == [
        (name, OTHERS_AT[i]) for i, name in enumerate(NAMES)
    ]
    alone = plots.scattered(POINTS[4:], TOKENS[4:], CLASSES[4:], NAMES)
    assert [part.color for part in alone.parts] == [OTHERS_AT[3]]
    many = plots.scattered(POINTS, TOKENS, CLASSES, ["x"] * 4 + NAMES)
    assert {part.color for part in many.parts} == set(GUIDES_AT)


def test_a_dot_rests_where_it_moved_and_both_axes_have_one_scale(chart):
    figure, option = plots.figure(chart), plots.option(chart)
    json.dumps(option, allow_nan=False)
    seen = {}
    for part in chart.parts[:-1]:
        rest, live = figure.data[part.color], option["series"][part.color]
        assert rest.name == live["name"] == part.name and live["type"] == "scatter"
        assert rest.marker.color is None and "itemStyle" not in live
        places = [each["value"] for each in live["data"]]
        np.testing.assert_allclose(np.stack([rest.x, rest.y], 1), places)
        assert [each["name"] for each in live["data"]] == part.texts
        shown = ["label" in each for each in live["data"]]
        assert shown == [bool(text) for text in rest.text] == part.labelled.tolist()
        seen |= {text: list(place) for text, place in zip(part.texts, places, strict=True)}
    assert seen == {"a": [1, 2], "e": [1.2, 1.5], "t": [-2, 0.5], "<b>": [0.3, -2.4],
                    "·": [-1, -1], "⏎": [2, -0.2]}  # fmt: skip
    assert "&lt;b&gt;" in figure.data[OTHERS_AT[2]].hovertext
    grids = [option["grid"], *(each["option"]["grid"] for each in option["media"])]
    assert all(grid["width"] == grid["height"] for grid in grids) and grids[0]["width"] == SIDE
    *smaller, usual = option["media"]
    assert usual["option"]["grid"]["width"] == SIDE and "query" not in usual
    widths = [each["query"]["maxWidth"] for each in smaller]
    assert widths == sorted(widths, reverse=True)
    for width, each in zip([*widths[1:], 329], smaller, strict=True):
        assert each["option"]["grid"]["width"] + 60 + 28 <= width + 1
    x, y = option["xAxis"], option["yAxis"]
    assert x["min"] == y["min"] == -x["max"] == -y["max"] and x["max"] > 2.4
    assert figure.layout.yaxis.scaleanchor == "x"


def test_lines_go_from_the_chosen_token_to_its_neighbours(chart):
    rays = chart.parts[-1]
    assert rays.name == "nearest to a" and rays.color == TRAIN_AT
    ends = {tuple(place) for place in np.stack([rays.x, rays.y], 1) if np.isfinite(place[1])}
    assert ends == {(1, 2), (1.2, 1.5), (2, -0.2)}
    assert np.isnan(rays.y).tolist() == [False, False, True] * 2


def test_labels_do_not_lie_over_one_another_and_the_first_keep_theirs():
    rng = np.random.default_rng(0)
    places = rng.uniform(0, 300, (120, 2))
    texts = [("a", "bcd", "··efgh")[i % 3] for i in range(120)]
    shown = apart_enough(places, texts, first=[77])
    assert shown[77] and 10 < shown.sum() < 120
    for i, j in combinations(np.flatnonzero(shown), 2):
        reach = LETTER * (columns(texts[i]) + columns(texts[j])) / 2
        assert abs(places[i] - places[j])[0] >= reach or abs(places[i] - places[j])[1] >= LABELS
    hidden = np.flatnonzero(~shown)[0]
    assert apart_enough(places, texts, first=[hidden])[hidden]


def test_a_picture_has_each_dot_its_label_and_the_classes(chart):
    picture = ElementTree.fromstring(plots.scattered_svg(chart, "<demo>, step 3"))
    said = [text.text for text in picture.iter(f"{SVG}text")]
    assert {"<demo>, step 3", "a", "&lt;b&gt;", "·", "⏎", *NAMES} - {"&lt;b&gt;"} <= set(said)
    assert "<b>" in said and "nearest to a" in said
    dots = [c for c in picture.iter(f"{SVG}circle")]
    assert len(dots) == 3  # two vowels and their sign below
    reach = chart.x.high
    x, y = float(dots[0].get("cx")), float(dots[0].get("cy"))
    assert x == pytest.approx(24 + SIDE * (1 + reach) / (2 * reach), abs=0.06)
    assert y == pytest.approx(44 + SIDE * (reach - 2) / (2 * reach), abs=0.06)


def test_a_table_has_every_token_with_its_class_and_place():
    rows = list(csv.DictReader(io.StringIO(plots.scattered_table(POINTS, TOKENS, CLASSES))))
    assert [row["token"] for row in rows] == ["a", "e", "t", "<b>", "·", "⏎"]
    assert rows[3] == {"token": "<b>", "class": "punctuation", "x": "0.300000", "y": "-2.400000"}


def test_points_that_are_all_in_one_place_have_a_picture():
    chart = plots.scattered(np.zeros((3, 2)), ["a", "b", "c"], ["vowels"] * 3, NAMES)
    assert chart.x.high > 0 and chart.parts[0].labelled.tolist() == [True, False, False]
    json.dumps(plots.option(chart), allow_nan=False)


def test_what_was_learned_has_no_place_for_step_0_and_marks_the_moment():
    losses = np.array([[4.0, 4], [3, 4], [1, np.nan], [0.5, 2]])
    chart = plots.learned([0, 1, 10, 300], ["vowels", "digits"], losses, 10, 300)
    figure, option = plots.figure(chart), plots.option(chart)
    json.dumps(option, allow_nan=False)
    assert option["xAxis"]["type"] == "log" and figure.layout.xaxis.type == "log"
    assert option["series"][OTHERS_AT[0]]["data"] == [[1.0, 3.0], [10.0, 1.0], [300.0, 0.5]]
    assert option["series"][OTHERS_AT[1]]["data"][1] == [10.0, None]
    np.testing.assert_allclose(figure.layout.xaxis.range, [0, np.log10(300)])
    assert chart.parts[-1].name == "this moment" and set(chart.parts[-1].x) == {10.0}
    assert len(plots.learned([0, 1], ["a"], losses[:2, :1], 0, 300).parts) == 1


def test_what_was_learned_is_a_table_of_every_step():
    table = plots.learned_table([0, 4], ["vowels", "digits"], np.array([[4, 4.5], [2, np.nan]]))
    assert table == "step,vowels,digits\n0,4.000000,4.500000\n4,2.000000,\n"
