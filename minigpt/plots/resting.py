"""A chart that rests, as a Plotly figure: it can be zoomed, pointed at and downloaded."""

import math
from typing import Any

import plotly.graph_objects as go

from minigpt.plots.chart import Axis, Bars, Chart, Line, Points, Rows
from minigpt.plots.theme import DOT, LABELS, LETTERS, MARGIN, ROOM, escaped

LEGEND = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
SHAPES = {"circle": "circle", "square": "square", "triangle": "triangle-up", "diamond": "diamond"}
NOTHING = {"type": "scatter", "x": [], "y": [], "showlegend": False}


def figure(chart: Chart) -> go.Figure:
    """The chart at rest."""
    traces = [NOTHING if part is None else _trace(part, chart) for part in chart.placed()]
    layout = {
        "height": chart.height,
        "hovermode": "closest",
        "showlegend": chart.legend != "none",
        **(_in_rows(chart, chart.y) if isinstance(chart.y, Rows) else _over_axes(chart)),
    }
    return go.Figure(traces, layout)


def _trace(part: Line | Points | Bars, chart: Chart) -> dict[str, Any]:
    rank = {"legendrank": chart.parts.index(part)}
    if isinstance(part, Bars):
        return {
            "type": "bar",
            "orientation": "h",
            "x": part.lengths,
            "y": list(range(len(part.lengths))),
            "name": escaped(part.name),
            "hovertemplate": f"%{{x:{chart.x.shown}}}",
            "base": part.starts,
            **rank,
        }
    if isinstance(part, Points):
        return {**_dots(part), **rank}
    return {
        "type": "scatter",
        "x": part.x,
        "y": part.y,
        "name": "<br>".join(map(escaped, part.rows)),
        "mode": "lines+markers" if part.points else "lines",
        "line": {"width": part.width, "dash": part.dash},
        "marker": {"size": DOT},
        "cliponaxis": False,
        "customdata": part.more,
        **_hover(part, chart),
        **rank,
    }


def _dots(points: Points) -> dict[str, Any]:
    texts = [escaped(text) for text in points.texts]
    return {
        "type": "scatter",
        "x": points.x,
        "y": points.y,
        "name": escaped(points.name),
        "mode": "markers+text",
        "marker": {"size": 2 * DOT, "symbol": SHAPES[points.shape]},
        "text": [text if label else "" for text, label in zip(texts, points.labelled, strict=True)],
        "textposition": "top center",
        "textfont": {"family": "ui-monospace, monospace", "size": LABELS},
        "hovertext": texts,
        "hovertemplate": "%{hovertext}",
        "cliponaxis": False,
    }


def _hover(line: Line, chart: Chart) -> dict[str, str]:
    if not line.says:
        return {"hoverinfo": "skip"}
    words = line.says.format(
        x=f"%{{x:{chart.x.shown}}}", y=f"%{{y:{chart.y.shown}}}", more="%{customdata:.2f}"
    )
    alone = chart.legend == "none"  # nothing to be told apart by its name
    return {"hovertemplate": f"{words}<extra></extra>" if alone else words}


def _over_axes(chart: Chart) -> dict[str, Any]:
    room = {name[0]: pixels for name, pixels in {**ROOM, "top": chart.top}.items()}
    return {
        "margin": {**room, "autoexpand": False},  # as while it moved
        "xaxis": {**_numbers(chart.x), "automargin": False},
        "yaxis": {
            **_numbers(chart.y),
            "automargin": False,
            **({"scaleanchor": "x", "constrain": "domain"} if chart.square else {}),
        },
        "legend": {**LEGEND, "orientation": "v"} if chart.legend == "down" else LEGEND,
    }


def _in_rows(chart: Chart, y: Rows) -> dict[str, Any]:
    tokens = [
        f"{mark}<b>{escaped(text)}</b>" if mark else escaped(text)
        for text, mark in zip(y.texts, y.marks, strict=True)
    ]
    return {
        "margin": MARGIN,
        "barmode": "group" if chart.starts is None else "overlay",
        "bargap": 0.25,
        "xaxis": _numbers(chart.x),
        "yaxis": {
            "tickvals": list(range(len(tokens))),
            "ticktext": tokens,
            "autorange": "reversed",
            "tickfont": {
                "family": "ui-monospace, monospace" if y.letters == "monospace" else None,
                "size": LETTERS,
            },
        },
        "legend": {**LEGEND, "font": {"size": LETTERS}},
    }


def _numbers(axis: Axis) -> dict[str, Any]:
    if axis.log:
        return {
            "title": axis.name,
            "type": "log",
            "range": [math.log10(axis.low), math.log10(axis.high)],
            "dtick": 1,
        }
    return {
        "title": axis.name,
        "tickformat": ".2~%" if axis.percent else None,
        **({"rangemode": "tozero"} if axis.high is None else {"range": [axis.low, axis.high]}),
        **({} if axis.apart is None else {"tick0": axis.low, "dtick": axis.apart}),
    }
