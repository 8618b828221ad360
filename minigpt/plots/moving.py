"""A chart that moves, as an ECharts option: it updates in place, where Plotly would begin anew."""

from typing import Any

import numpy as np

from minigpt.plots.chart import DASHES, Axis, Bars, Chart, Line, Points, Rows
from minigpt.plots.theme import DOT, LABELS, LETTERS, ROOM

READ, BESIDE = {"fontSize": LETTERS}, {"fontSize": LABELS}
DASHED = dict(zip(DASHES, ("solid", "dashed", "dotted", [8, 4, 2, 4], [14, 6]), strict=True))
# Wide enough for the dashes, too flat for the dot that ECharts puts on each.
SAMPLES = {"itemWidth": 32, "itemHeight": 2}
SHAPES = {"circle": "circle", "square": "rect", "triangle": "triangle", "diamond": "diamond"}
STACKED = {"stack": "sum", "stackStrategy": "all"}  # below 0 as above it
NOTHING = {"type": "line", "data": []}


def option(chart: Chart) -> dict[str, Any]:
    """The chart while it moves."""
    return {
        "animation": False,
        "series": [
            *_starts(chart),
            *(NOTHING if part is None else _series(part, chart) for part in chart.placed()),
        ],
        **(_in_rows(chart) if isinstance(chart.y, Rows) else _over_axes(chart)),
    }


def _series(part: Line | Points | Bars, chart: Chart) -> dict[str, Any]:
    if isinstance(part, Points):
        return _dots(part, chart)
    if isinstance(part, Bars):
        lengths = [round(float(length), 4) for length in part.lengths]
        bars = {"name": _name(part, chart), "type": "bar", "data": lengths}
        if part.starts is None:
            return bars
        return {**bars, **STACKED, "data": [_floating(length, chart) for length in lengths]}
    y = (100 * part.y).round(1) if chart.y.percent else part.y.round(4)
    return {
        "name": _name(part, chart),
        "type": "line",
        "symbol": "emptyCircle" if part.points else "none",
        "symbolSize": DOT,
        "lineStyle": {"type": DASHED[part.dash], "width": part.width},
        "data": [
            [x, None if np.isnan(y) else y]
            for x, y in zip(part.x.tolist(), y.tolist(), strict=True)
        ],
    }


def _dots(points: Points, chart: Chart) -> dict[str, Any]:
    label = {"position": "top", "distance": 3, "formatter": "{b}", "fontFamily": "monospace"}
    places = zip(points.x.round(4).tolist(), points.y.round(4).tolist(), strict=True)
    return {
        "name": _name(points, chart),
        "type": "scatter",
        "symbol": SHAPES[points.shape],
        "symbolSize": 2 * DOT,
        "label": {"show": False, **label, **BESIDE},  # in the text's colour: it is to be read
        "tooltip": {"formatter": "{b}"},
        "data": [
            {"name": text, "value": place, **({"label": {"show": True}} if labelled else {})}
            for text, place, labelled in zip(points.texts, places, points.labelled, strict=True)
        ],
    }


def _starts(chart: Chart) -> list[dict[str, Any]]:
    """What nobody sees, below bars that begin elsewhere than at 0."""
    if chart.starts is None:
        return []
    unseen = {"type": "bar", "itemStyle": {"color": "transparent"}, "silent": True, **STACKED}
    starts = [round(float(start), 4) for start in chart.starts]
    return [{**unseen, "data": starts}]


def _floating(length: float, chart: Chart) -> dict[str, Any]:
    """A bar with its length at its end, or nothing."""
    if not length:
        return {"value": 0}
    words = f"{length:{chart.x.shown}}".replace("-", "−")
    side = "right" if length > 0 else "left"
    return {
        "value": length,
        "label": {"show": True, "position": side, "formatter": words, **BESIDE},
    }


def _over_axes(chart: Chart) -> dict[str, Any]:
    down, dots = chart.legend == "down", any(isinstance(p, Points) for p in chart.parts)
    return {
        # Where ECharts makes room for the labels that are there, the plot moves as they change,
        # and pushes its axis's name out of the picture.
        "grid": {**ROOM, "top": chart.top, "outerBoundsMode": "none", **_side(chart)},
        "legend": {
            **_legend(chart),
            **({"itemWidth": 2 * DOT, "itemHeight": 2 * DOT} if dots else SAMPLES),
            **({"orient": "vertical", "align": "left"} if down else {}),
        },
        "tooltip": {
            "textStyle": READ,
            "trigger": "item" if down or dots else "axis",
            "valueFormatter": "%.0f" if chart.y.percent else f"%{chart.y.shown}",
        },
        "xAxis": _numbers(chart.x, 28),
        "yAxis": _numbers(chart.y, 44),
        **({"media": _narrow(chart)} if chart.square else {}),
    }


def _side(chart: Chart) -> dict[str, int]:
    """Of a square chart, how wide its plot is: as high as it is."""
    side = chart.height - chart.top - ROOM["bottom"]
    return {"width": side, "height": side} if chart.square else {}


def _narrow(chart: Chart) -> list[dict[str, Any]]:
    """A square chart where there is less room: the largest smaller square that fits."""
    edges, less, full = ROOM["left"] + ROOM["right"], 20, _side(chart)
    smaller = [
        {
            "query": {"maxWidth": edges + side + less - 1},
            "option": {"grid": {"width": side, "height": side}},
        }
        for side in range(full["width"] - less, 200, -less)
    ]
    return [*smaller, {"option": {"grid": full}}]  # where none of the others holds


def _in_rows(chart: Chart) -> dict[str, Any]:
    rows = zip(chart.y.texts, chart.y.marks, strict=True)
    return {
        "grid": {"left": 8, "right": 16, "top": 30, "bottom": 8, "containLabel": True},
        "legend": {**_legend(chart), "textStyle": READ},
        **(_shares() if chart.starts is None else _sums(chart.x)),
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": [mark + text for text, mark in rows],
            "axisLabel": {"fontFamily": chart.y.letters, **READ},
        },
    }


def _shares() -> dict[str, Any]:
    """To the end of all shares: the axis stays as other tokens come."""
    return {
        "tooltip": {"textStyle": READ, "trigger": "axis", "valueFormatter": "percent"},
        "xAxis": {"type": "value", "min": 0, "max": 1, "axisLabel": BESIDE},
    }


def _sums(axis: Axis) -> dict[str, Any]:
    """Each bar says its length; the ends of the axis are room for that, and no round numbers."""
    labels = {**BESIDE, "showMinLabel": False, "showMaxLabel": False}
    return {
        "tooltip": {"show": False},
        "xAxis": {"type": "value", "min": axis.low, "max": axis.high, "axisLabel": labels},
    }


def _legend(chart: Chart) -> dict[str, Any]:
    names = [_name(part, chart) for part in chart.parts]
    show = chart.legend != "none"
    return {"show": show, "top": 0, "left": 0, "data": names, "textStyle": BESIDE}


def _name(part: Line | Points | Bars, chart: Chart) -> str:
    if not isinstance(part, Line):
        return part.name
    return "\n".join(part.rows) + (" (%)" if chart.y.percent else "")


def _numbers(axis: Axis, gap: int) -> dict[str, Any]:
    """An axis of numbers, its name `gap` pixels away."""
    ends = {"min": axis.low, "max": axis.high, "interval": axis.apart}
    scale = 100 if axis.percent else 1
    return {
        "type": "log" if axis.log else "value",
        "name": f"{axis.name} (%)" if axis.percent else axis.name,
        "nameLocation": "middle",
        "nameGap": gap,
        "axisLabel": BESIDE,
        "nameTextStyle": READ,
        **{end: scale * number for end, number in ends.items() if number is not None},
    }
