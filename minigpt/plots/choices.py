"""What the next token could be."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from minigpt.plots.theme import (
    GUIDES,
    LETTERS,
    LIVE_LABELS,
    LIVE_LETTERS,
    LIVE_TOOLTIP,
    MARGIN,
    escaped,
)
from minigpt.tokenizers.visible import visible

Candidate = tuple[str, float, float]  # token, p of the bare model, p after temperature and filters
Marks = Mapping[int, str]  # row → what stands before its token


def _unbroken(mark: str) -> str:
    """A mark and the gap behind it, on one line with its token."""
    return f"{mark}  ".replace(" ", "\u00a0")


def next_token_bars(candidates: Sequence[Candidate], marks: Marks | None = None) -> go.Figure:
    """Next tokens, a row each."""
    tokens = [escaped(visible(token)) for token, _, _ in candidates]
    for row, mark in (marks or {}).items():
        tokens[row] = f"{_unbroken(mark)}<b>{tokens[row]}</b>"
    rows = list(range(len(tokens)))
    figure = go.Figure()
    for name, column, marker in (("drawn from", 2, {}), ("bare model", 1, {"color": GUIDES[2]})):
        figure.add_bar(
            marker=marker,
            y=rows,
            x=[candidate[column] for candidate in candidates],
            name=name,
            orientation="h",
            hovertemplate="%{x:.1%}",
        )
    figure.update_layout(
        height=60 + 30 * len(rows),
        margin=MARGIN,
        barmode="group",
        bargap=0.25,
        xaxis={"tickformat": ".2~%", "rangemode": "tozero", "title": "probability"},
        yaxis={
            "tickvals": rows,
            "ticktext": tokens,
            "autorange": "reversed",
            "tickfont": {"family": "ui-monospace, monospace", "size": LETTERS},
        },
        legend={
            "orientation": "h",
            "y": 1.02,
            "yanchor": "bottom",
            "x": 0,
            "font": {"size": LETTERS},
        },
    )
    return figure


def live_next_token_option(
    candidates: Sequence[Candidate], marks: Marks | None = None
) -> dict[str, Any]:
    """The same bars as an ECharts option, for while the text is being written."""
    tokens = [visible(token) for token, _, _ in candidates]
    for row, mark in (marks or {}).items():
        tokens[row] = f"{_unbroken(mark)}{tokens[row]}"
    series = [("drawn from", 2, {}), ("bare model", 1, {"color": GUIDES[2]})]
    return {
        "animation": False,
        "grid": {"left": 8, "right": 16, "top": 30, "bottom": 8, "containLabel": True},
        "legend": {"top": 0, "left": 0, "textStyle": LIVE_LETTERS},
        "tooltip": {**LIVE_TOOLTIP, "trigger": "axis", "valueFormatter": "percent"},
        "xAxis": {"type": "value", "min": 0, "max": 1, "axisLabel": LIVE_LABELS},
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": tokens,
            "axisLabel": {"fontFamily": "monospace", **LIVE_LETTERS},
        },
        "series": [
            {
                "name": name,
                "type": "bar",
                "itemStyle": style,
                "data": [round(candidate[column], 4) for candidate in candidates],
            }
            for name, column, style in series
        ],
    }
