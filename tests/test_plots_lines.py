"""Lines over two axes as a picture of its own."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from minigpt import plots
from minigpt.plots.chart import Axis, Chart, Line
from minigpt.plots.lines import HIGH, LEFT, TOP, WIDE

SVG = "{http://www.w3.org/2000/svg}"


def drawn(chart: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(plots.lines_svg(chart, "a & <b>"))


def places(chart: Chart) -> list[tuple[float, float]]:
    """Where the dots are."""
    dots = drawn(chart).iter(f"{SVG}circle")
    inside = [(float(dot.get("cx")), float(dot.get("cy"))) for dot in dots]
    return [(x, y) for x, y in inside if y <= TOP + HIGH]  # those of the legend lie below


@pytest.mark.parametrize("log", [False, True])
def test_each_point_lies_where_its_numbers_say(log):
    x, y = np.array([1, 10, 1_000.0]), np.array([2.0, np.nan, 0.5])
    line = Line("<i>", x, y, 6, "dash", points=True)
    chart = Chart([line], Axis("step", 1, 1_000, log=log), Axis("nats", -0.0, 4, 1), 300)
    (x0, y0), (x1, y1) = places(chart)
    assert (x0, x1) == (LEFT, LEFT + WIDE)
    assert (y0, y1) == (TOP + HIGH / 2, TOP + HIGH * 7 / 8)
    paths = [path.get("d") for path in drawn(chart).iter(f"{SVG}path")]
    assert f"M{x0:.1f} {y0:.1f}M{x1:.1f} {y1:.1f}" in paths, "a gap where there is no number"
    words = [text.text for text in drawn(chart).iter(f"{SVG}text")]
    assert {"a & <b>", "<i>", "step", "nats", "0", "4", "1,000"} <= set(words)
    assert ("100" in words) == log


def test_every_line_of_a_chart_is_there_and_the_axis_ends_where_the_lines_do():
    steps, losses = [0, 1, 10, 400], np.array([[4, 4], [3, 3.5], [2, 3], [1, np.nan]])
    chart = plots.learned(steps, ["a", "b"], losses, 10, 300)
    picture = drawn(chart)
    words = [text.text for text in picture.iter(f"{SVG}text")]
    assert {"a", "b", "this moment"} <= set(words)
    assert len(places(chart)) == 5, "step 0 has no place on a scale of powers"
    ends = [x for x, _ in places(chart)]
    assert max(ends) == LEFT + WIDE and min(ends) == LEFT
    dashes = [path.get("stroke-dasharray") for path in picture.iter(f"{SVG}path")]
    assert len({dash for dash in dashes if dash}) == 2
    far = plots.by_place([(1, 2), (3, 6)], *np.ones((3, 2)), None, 300)
    assert len(places(far)) == 2 and not re.search("nan", plots.lines_svg(far, ""))
