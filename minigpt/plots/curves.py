"""Curves over the steps of a training, and over the merges of a tokenizer.

Of a run at rest they are Plotly figures; while it runs ECharts options, which update in place.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from textwrap import wrap
from typing import Any

import numpy as np
import plotly.graph_objects as go

from minigpt.plots.theme import (
    GUIDES,
    LIVE_LABELS,
    LIVE_LETTERS,
    LIVE_TOOLTIP,
    MARGIN,
    OTHERS_AT,
    TRAIN_AT,
    VALIDATION_AT,
    escaped,
)

TOP = 66  # px: a legend of three rows, as which Plotly writes it on a phone
# Room around a live plot for the widest labels there may be: where ECharts makes room for those
# that are there, the plot moves as they change, and pushes its axis's name out of the picture.
LIVE_ROOM = {"left": 60, "right": 28, "top": TOP, "bottom": 52, "outerBoundsMode": "none"}


# The same room around the plot when it rests: then it does not move as the run ends.
RESTING_ROOM = {"l": 60, "r": 28, "t": TOP, "b": 52, "autoexpand": False}
LEGEND = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}


# Lines beyond the two colours are slate: their dashes tell them apart. Plotly's, and ECharts's.
DASHES = ("solid", "solid", "dash", "dot", "dashdot", "14px,6px")
ECHARTS_DASHES = ("solid", "solid", "dashed", "dotted", [8, 4, 2, 4], [14, 6])
# Wide enough for the dashes, too flat for the dot that ECharts puts on each.
LIVE_LEGEND = {"top": 0, "left": 0, "itemWidth": 32, "itemHeight": 2}


def live_axis(name: str, gap: int, **more: float | bool) -> dict[str, Any]:
    """An axis of numbers as an ECharts option, its name `gap` pixels away."""
    letters = {"axisLabel": LIVE_LABELS, "nameTextStyle": LIVE_LETTERS}
    where = {"name": name, "nameLocation": "middle", "nameGap": gap}
    return {"type": "value", **where, **letters, **more}


def buckets(x: np.ndarray, y: np.ndarray, most: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """A line of at most `most` points that keeps every bucket's lowest and highest value.

    x and y of shape (n,), without NaN.
    """
    if len(x) <= most:
        return x, y
    edges = np.linspace(0, len(x), most // 2).astype(int)  # most / 2 - 1 buckets, and both ends
    kept: set[int] = {0, len(x) - 1}
    for start, end in pairwise(edges):
        kept |= {start + int(y[start:end].argmin()), start + int(y[start:end].argmax())}
    chosen = np.array(sorted(kept))
    return x[chosen], y[chosen]


def step_axis_end(newest: float) -> float:
    """Where a live step axis ends: 1, 2 or 5 times a power of ten, so that it seldom moves."""
    power = 10 ** np.floor(np.log10(max(newest, 10)))
    return float(next(m * power for m in (1, 2, 5, 10) if m * power >= newest))


def axis_end(steps: np.ndarray, max_steps: int) -> float:
    """Where the step axis of a run ends, live and at rest alike."""
    return min(step_axis_end(float(steps[-1])), max_steps)


def loss_axis(losses: Iterable[np.ndarray]) -> tuple[float, float, float]:
    """Where an axis of losses begins and ends, live and at rest alike, and how far its labels are
    apart: 1, 2 or 5 times a power of ten, about five times in between."""
    values = np.concatenate([np.zeros(0), *losses])
    values = values[np.isfinite(values)]
    low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
    wanted = max(high - low, 1e-3 * abs(high), 1e-9) / 5
    power = 10 ** np.floor(np.log10(wanted))
    apart = next(m * power for m in (1, 2, 5, 10) if m * power >= wanted)
    first, last = np.floor(low / apart), np.ceil(high / apart)
    return float(first * apart), float(max(last, first + 1) * apart), float(apart)


def _resting_losses(title: str, losses: Iterable[np.ndarray]) -> dict[str, Any]:
    low, high, apart = loss_axis(losses)
    ticks = {"tick0": low, "dtick": apart}
    return {"title": title, "automargin": False, "range": [low, high], **ticks}


def _live_losses(name: str, losses: Iterable[np.ndarray]) -> dict[str, Any]:
    low, high, apart = loss_axis(losses)
    return live_axis(name, 44, min=low, max=high, interval=apart)


def loss_series(
    steps: np.ndarray,
    train: np.ndarray,
    val: np.ndarray,
    baselines: Mapping[str, float],
    end: float,
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Name, x and y of each line of a loss curve, in the order of the palette.

    All of shape (n,), nats per token; NaN in `val` where nothing was measured. Baselines reach
    from step 0 to `end`.
    """
    measured = ~np.isnan(val)
    lines = [
        ("training", *buckets(steps, train)),
        ("validation", *buckets(steps[measured], val[measured])),
    ]
    ends = np.array([0.0, end])
    return lines + [(name, ends, np.full(2, loss)) for name, loss in baselines.items()]


def loss_curve(
    steps: np.ndarray,
    train: np.ndarray,
    val: np.ndarray,
    baselines: Mapping[str, float],
    max_steps: int,
    height: int = 380,
) -> go.Figure:
    """Loss over the steps, for a run at rest; arguments as for `loss_series`."""
    figure = go.Figure()
    end = axis_end(steps, max_steps)
    series = loss_series(steps, train, val, baselines, end)
    for (name, x, y), dash in zip(series, DASHES, strict=False):
        guide = name in baselines
        figure.add_scatter(
            x=x,
            y=y,
            name=name,
            mode="lines+markers" if name == "validation" else "lines",
            line={"width": 1.5 if guide else 2, "dash": dash},
            marker={"size": 4},
            hovertemplate="%{y:.3f} at step %{x:,}" if not guide else "%{y:.3f}",
        )
    figure.update_layout(
        height=height,
        margin=RESTING_ROOM,
        hovermode="closest",
        xaxis={"title": "step", "range": [0, end], "automargin": False},
        yaxis=_resting_losses("loss (nats per token)", (y for _, _, y in series)),
        legend=LEGEND,
    )
    return figure


def live_loss_option(
    steps: np.ndarray,
    train: np.ndarray,
    val: np.ndarray,
    baselines: Mapping[str, float],
    max_steps: int,
) -> dict[str, Any]:
    """The same curve as an ECharts option, for a run that runs: it updates without a remount."""
    end = axis_end(steps, max_steps)
    series = loss_series(steps, train, val, baselines, end)
    return {
        "animation": False,
        "grid": LIVE_ROOM,
        "legend": LIVE_LEGEND,
        "tooltip": {**LIVE_TOOLTIP, "trigger": "axis", "valueFormatter": "%.3f"},
        "xAxis": live_axis("step", 28, min=0, max=end),
        "yAxis": _live_losses("loss (nats per token)", (y for _, _, y in series)),
        "series": [
            {
                "name": name,
                "type": "line",
                "symbol": "emptyCircle" if name == "validation" else "none",
                "symbolSize": 4,
                "lineStyle": {"type": dash},
                "data": np.stack([x, y.round(4)], axis=1).tolist(),
            }
            for (name, x, y), dash in zip(series, ECHARTS_DASHES, strict=False)
        ],
    }  # fmt: skip


Line = tuple[np.ndarray, np.ndarray]
MOST_MARKERS = 30  # of one line; more would hide it
LEGEND_LETTERS, LEGEND_ROW = 44, 19  # of a legend's line that a phone shows whole; its height, px


@dataclass(frozen=True)
class Compared:
    """One of several runs laid over each other: its losses in bits per character, (n,) each."""

    name: str
    x: np.ndarray
    y: np.ndarray
    color: int  # its place in the palette: what it is to the run that is looked at

    @property
    def rows(self) -> list[str]:
        """Its name as the legend shows it: whole, on as many rows as it needs."""
        return wrap(self.name, LEGEND_LETTERS)


def compared(
    names: Sequence[str], lines: Sequence[Line], *, validated: bool = True
) -> list[Compared]:
    """Up to five runs, the first of them the one that is looked at: it keeps the colour of what
    its line is, and the others have colours that nothing else has."""
    colors = [VALIDATION_AT if validated else TRAIN_AT, *OTHERS_AT]
    return [
        Compared(name, x, y, color)
        for name, (x, y), color in zip(names, lines, colors, strict=False)
    ]


def by_color(runs: Sequence[Compared]) -> Iterator[Compared | None]:
    """The runs in the palette's order, None for each colour that none of them takes: both
    renderers colour lines by position."""
    at = {run.color: run for run in runs}
    return (at.get(color) for color in range(max(at) + 1))


def _legend_room(runs: Sequence[Compared]) -> int:
    """Pixels above the plot for a legend with every name whole."""
    return 14 + LEGEND_ROW * sum(len(run.rows) for run in runs)


def comparison_height(names: Sequence[str]) -> int:
    """How high the picture of these runs is, in pixels: its legend grows with them."""
    return 270 + _legend_room(compared(names, [(np.empty(0), np.empty(0))] * len(names)))


def comparison(runs: Sequence[Compared], along: str) -> go.Figure:
    """Losses of up to five runs at rest, in bits per character."""
    figure = go.Figure()
    for run in by_color(runs):
        if run is None:
            figure.add_scatter(x=[], y=[], showlegend=False)
            continue
        figure.add_scatter(
            x=run.x,
            y=run.y,
            name="<br>".join(map(escaped, run.rows)),
            legendrank=runs.index(run),
            mode="lines+markers" if len(run.x) <= MOST_MARKERS else "lines",
            line={"width": 2, "dash": _dash(run, runs, DASHES)},
            marker={"size": 4},
            hovertemplate="%{y:.3f} at %{x:,.4~r}",
        )
    figure.update_layout(
        height=comparison_height([run.name for run in runs]),
        margin={**RESTING_ROOM, "t": _legend_room(runs)},
        hovermode="closest",
        xaxis={"title": along, "rangemode": "tozero", "automargin": False},
        yaxis=_resting_losses("bits per character", (run.y for run in runs)),
        showlegend=True,
        legend={**LEGEND, "orientation": "v"},
    )
    return figure


def live_comparison_option(runs: Sequence[Compared], along: str) -> dict[str, Any]:
    """The same as an ECharts option, while one of them runs."""
    names = ["\n".join(run.rows) for run in runs]
    return {
        "animation": False,
        "grid": {**LIVE_ROOM, "top": _legend_room(runs)},
        "legend": {**LIVE_LEGEND, "orient": "vertical", "align": "left", "data": names},
        "tooltip": {**LIVE_TOOLTIP, "trigger": "item", "valueFormatter": "%.3f"},
        "xAxis": live_axis(along, 28, min=0),
        "yAxis": _live_losses("bits per character", (run.y for run in runs)),
        "series": [
            {"type": "line", "data": []}
            if run is None
            else {
                "name": names[runs.index(run)],
                "type": "line",
                "symbol": "emptyCircle" if len(run.x) <= MOST_MARKERS else "none",
                "symbolSize": 4,
                "lineStyle": {"type": _dash(run, runs, ECHARTS_DASHES)},
                "data": np.stack([run.x, run.y.round(4)], axis=1).tolist(),
            }
            for run in by_color(runs)
        ],
    }  # fmt: skip


def _dash(run: Compared, runs: Sequence[Compared], dashes: Sequence[Any]) -> Any:
    """Solid for the one looked at, and for each other one its own: they differ in grey as well."""
    return dashes[1 + runs.index(run)]


def share_curve(
    steps: np.ndarray, shares: np.ndarray, max_steps: int, height: int = 220
) -> go.Figure:
    """The share of right answers over the steps, for a run at rest. Both (n,), without NaN."""
    figure = go.Figure()
    figure.add_scatter(
        x=steps,
        y=shares,
        name="right answers",
        mode="lines+markers",
        marker={"size": 4},
        cliponaxis=False,
        hovertemplate="%{y:.1%} at step %{x:,}<extra></extra>",
    )
    figure.update_layout(
        height=height,
        margin={**RESTING_ROOM, "t": 12},
        xaxis={"title": "step", "range": [0, axis_end(steps, max_steps)], "automargin": False},
        yaxis={
            "title": "right answers",
            "automargin": False,
            "tickformat": ".0%",
            "range": [0, 1],
            "dtick": 0.2,
        },
        showlegend=False,
    )
    return figure


def live_share_option(steps: np.ndarray, shares: np.ndarray, max_steps: int) -> dict[str, Any]:
    """The same as an ECharts option, for a run that runs."""
    return {
        "animation": False,
        "grid": {**LIVE_ROOM, "top": 12},
        "tooltip": {**LIVE_TOOLTIP, "trigger": "axis", "valueFormatter": "%.0f"},
        "xAxis": live_axis("step", 28, min=0, max=axis_end(steps, max_steps)),
        "yAxis": live_axis("right answers (%)", 44, min=0, max=100, interval=20),
        "series": [
            {
                "name": "right answers (%)",
                "type": "line",
                "symbolSize": 4,
                "data": np.stack([steps, (100 * shares).round(1)], axis=1).tolist(),
            }
        ],
    }  # fmt: skip


def compression_curve(tokens: np.ndarray, characters: int, at: int) -> go.Figure:
    """How long the text is after each merge. tokens: (n + 1,), how many tokens it has after 0, 1,
    … n merges; `at` is the merge to mark."""
    x, y = buckets(np.arange(len(tokens)), tokens)
    figure = go.Figure()
    figure.add_scatter(
        x=x, y=y, mode="lines", name="the text", customdata=characters / y,
        hovertemplate="%{y:,} tokens after %{x:,} merges: %{customdata:.2f} characters per token"
        "<extra></extra>",
    )  # fmt: skip
    figure.add_vline(at, line={"color": GUIDES[0], "width": 1.5, "dash": "dash"})
    figure.update_layout(
        height=260,
        margin=MARGIN,
        xaxis={"title": "merges", "rangemode": "tozero"},
        yaxis={"title": "tokens in the text", "rangemode": "tozero"},
        showlegend=False,
    )
    return figure
