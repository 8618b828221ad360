"""What each part of a model matters, and surprise by place, on the way to a screen or a file."""

from xml.etree import ElementTree

import numpy as np
import pytest

from minigpt import plots

DELTA = np.array([0.5, -0.25, 0.004, 2.0])
SEEN = np.array([True, True, False, True])
WHOLE = np.array([False, False, False, True])
SVG = "{http://www.w3.org/2000/svg}"


def drawn(title: str = "a & <b>") -> ElementTree.Element:
    depth = plots.depths(DELTA, WHOLE)
    return ElementTree.fromstring(
        plots.parts_svg(["layer 0"], ["head 0", "head 1", "MLP", "whole layer"],
                        DELTA, SEEN, depth, title, "what it shows")
    )  # fmt: skip


def test_the_scale_ends_at_the_largest_of_heads_and_mlps():
    assert plots.depths(DELTA, WHOLE).tolist() == [1, -0.5, 0.008, 1]
    assert plots.depths(np.zeros(4), WHOLE).tolist() == [0] * 4
    assert plots.depths(np.array([3.0]), np.array([True])).tolist() == [1]


def test_a_part_without_an_effect_is_hatched_and_has_no_number():
    cells = [rect for rect in drawn().iter(f"{SVG}rect") if rect.get("stroke")]
    assert [cell.get("fill") == "url(#ahead)" for cell in cells] == [False, False, True, False]
    words = [text.text for text in drawn().iter(f"{SVG}text")]
    assert {"+0.500", "−0.250", plots.NONE_SEEN, "+2.000", "a & <b>"} <= set(words)
    assert "+0.004" not in words
    amber, teal = (
        tuple(int(cells[i].get("fill")[j : j + 2], 16) for j in (1, 3, 5)) for i in (0, 1)
    )
    assert amber[0] > amber[2] and teal[2] > teal[0], "other colours for a rise and a fall"


def test_numbers_of_parts_are_a_table_with_nothing_where_nothing_is_known():
    low, high = np.array([0.1, np.nan]), np.array([0.9, np.nan])
    told = plots.parts_table(["a", 'b "c"'], np.array([0.5, -0.25]), low, high, 0.99)
    assert told.splitlines() == [
        "part,nats,low at 0.99000,high", "a,0.500000,0.100000,0.900000", '"b ""c""",-0.250000,,',
    ]  # fmt: skip


@pytest.mark.parametrize("known", [True, False])
def test_surprise_by_place_has_intervals_where_they_are_known(known):
    places, bits = [(1, 2), (3, 4), (5, 5)], np.array([3.0, 2.0, 1.5])
    low, high = (bits - 0.5, bits + 0.5) if known else np.full((2, 3), np.nan)
    chart = plots.by_place(places, bits, low, high, bits + 1 if known else None, 300)
    names = [line.name for line in chart.parts]
    assert names == (["this model", "95 % interval", "trigram"] if known else ["this model"])
    assert chart.parts[0].x.tolist() == [1.5, 3.5, 5]
    if known:
        ends = chart.parts[1]
        assert ends.x.tolist() == [1.5] * 3 + [3.5] * 3 + [5.0] * 3
        assert ends.y[:2].tolist() == [2.5, 3.5] and np.isnan(ends.y[2::3]).all()
    plots.option(chart), plots.figure(chart)
    told = plots.places_table(places, bits, low, high, None).splitlines()
    assert told[0] == "from,to,bits,low,high,trigram"
    assert told[1] == ("1,2,3.000000,2.500000,3.500000," if known else "1,2,3.000000,,,")


def test_surprise_as_a_table_makes_blanks_visible():
    told = plots.surprise_table(["a", " ", ","], np.array([1.5, 2.0]), np.array([1, 3]))
    assert told.splitlines() == ["place,token,bits,rank", "1,·,1.500000,1", '2,",",2.000000,3']
