"""Arrays to figures. No streamlit, no torch.

The figures set no colours of their own: in the app they take the theme of .streamlit/config.toml,
and elsewhere `TEMPLATE`, which holds the same palette. Series take their colour by position:
training first, validation second, baselines after them.
"""

import html
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

TRAIN, VALIDATION, GUIDES = "#0F766E", "#B45309", ("#64748B", "#7C8BA1", "#94A3B8")
SEQUENTIAL = (
    "#F8FAF9", "#D9EFEA", "#B5E0D8", "#8ECFC5", "#63B9AE",
    "#3A9F94", "#1B8479", "#0F6A62", "#0C4F4B", "#0B3437",
)  # fmt: skip
TEMPLATE = go.layout.Template(
    layout={
        "colorway": [TRAIN, VALIDATION, *GUIDES],
        "colorscale": {"sequential": [[i / 9, color] for i, color in enumerate(SEQUENTIAL)]},
        "font": {"family": "system-ui, sans-serif", "color": "#1F2937"},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "xaxis": {"gridcolor": "#E5E7EB", "zeroline": False},
        "yaxis": {"gridcolor": "#E5E7EB", "zeroline": False},
    }
)
MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}


def visible(token: str) -> str:
    """A token as it is shown everywhere: `·` for a space, `⏎` for a newline, `⇥` for a tab, a
    dotted circle under a mark that combines, `<U+200F>` for what has no glyph of its own.

    >>> visible("a b"), visible("\\u202e"), visible("\\u0301")
    ('a·b', '<U+202E>', '◌\u0301')
    """
    shown = token.replace(" ", "·").replace("\n", "⏎").replace("\t", "⇥")
    if not shown.isprintable():  # a joiner between two emoji stays, it makes them one
        shown = "".join(
            c if c.isprintable() or (c == "\u200d" and len(shown) > 1) else f"<U+{ord(c):04X}>"
            for c in shown
        )
    if shown and unicodedata.category(shown[0]).startswith("M"):
        return f"◌{shown}"
    return shown or "∅"


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
    steps: np.ndarray, train: np.ndarray, val: np.ndarray, baselines: Mapping[str, float]
) -> go.Figure:
    """Loss over the steps, for a run at rest; arguments as for `loss_series`."""
    figure = go.Figure()
    for name, x, y in loss_series(steps, train, val, baselines, steps[-1]):
        guide = name in baselines
        figure.add_scatter(
            x=x,
            y=y,
            name=name,
            mode="lines+markers" if name == "validation" else "lines",
            line={"width": 1.5 if guide else 2, "dash": "dash" if guide else "solid"},
            marker={"size": 4},
            hovertemplate="%{y:.3f} at step %{x:,}" if not guide else "%{y:.3f}",
        )
    figure.update_layout(
        height=380,
        margin=MARGIN,
        hovermode="closest",
        xaxis={"title": "step", "rangemode": "tozero"},
        yaxis={"title": "loss (nats per token)"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
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
    end = min(step_axis_end(float(steps[-1])), max_steps)
    return {
        "animation": False,
        "grid": {"left": 28, "right": 28, "top": 36, "bottom": 30, "containLabel": True},
        "legend": {"top": 0, "left": 0, "icon": "roundRect", "itemHeight": 3},
        "tooltip": {"trigger": "axis", "valueFormatter": "%.3f"},
        "xAxis": {
            "type": "value", "min": 0, "max": end,
            "name": "step", "nameLocation": "middle", "nameGap": 28,
        },
        "yAxis": {
            "type": "value", "scale": True,
            "name": "loss (nats per token)", "nameLocation": "middle", "nameGap": 40,
        },
        "series": [
            {
                "name": name,
                "type": "line",
                "showSymbol": name == "validation",
                "symbolSize": 4,
                "lineStyle": {"type": "dashed" if name in baselines else "solid"},
                "data": np.stack([x, y.round(4)], axis=1).tolist(),
            }
            for name, x, y in loss_series(steps, train, val, baselines, end)
        ],
    }  # fmt: skip


def share_curve(steps: np.ndarray, shares: np.ndarray) -> go.Figure:
    """The share of right answers over the steps, for a run at rest. Both (n,), without NaN."""
    figure = go.Figure()
    figure.add_scatter(
        x=steps,
        y=shares,
        name="right answers",
        mode="lines+markers",
        marker={"size": 4},
        hovertemplate="%{y:.1%} at step %{x:,}<extra></extra>",
    )
    figure.update_layout(
        height=220,
        margin=MARGIN,
        xaxis={"title": "step", "rangemode": "tozero"},
        yaxis={"title": "right answers", "tickformat": ".0%", "range": [-0.03, 1.03]},
        showlegend=False,
    )
    return figure


def live_share_option(steps: np.ndarray, shares: np.ndarray, max_steps: int) -> dict[str, Any]:
    """The same as an ECharts option, for a run that runs."""
    return {
        "animation": False,
        "grid": {"left": 28, "right": 28, "top": 12, "bottom": 30, "containLabel": True},
        "tooltip": {"trigger": "axis", "valueFormatter": "%.0f"},
        "xAxis": {
            "type": "value", "min": 0, "max": min(step_axis_end(float(steps[-1])), max_steps),
            "name": "step", "nameLocation": "middle", "nameGap": 28,
        },
        "yAxis": {
            "type": "value", "min": 0, "max": 100,
            "name": "right answers (%)", "nameLocation": "middle", "nameGap": 40,
        },
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
    """Characters per token after each merge. tokens: (n + 1,), how many tokens the text has after
    0, 1, … n merges; `at` is the merge to mark."""
    merges, ratio = np.arange(len(tokens)), characters / tokens
    x, y = buckets(merges, ratio)
    figure = go.Figure()
    figure.add_scatter(
        x=x, y=y, mode="lines", name="the text",
        hovertemplate="%{y:.2f} characters per token after %{x:,} merges<extra></extra>",
    )  # fmt: skip
    figure.add_vline(at, line={"color": GUIDES[0], "width": 1.5, "dash": "dash"})
    figure.update_layout(
        height=260,
        margin=MARGIN,
        xaxis={"title": "merges", "rangemode": "tozero"},
        yaxis={"title": "characters per token", "rangemode": "tozero"},
        showlegend=False,
    )
    return figure


def attention_heatmap(pattern: np.ndarray, tokens: Sequence[str]) -> go.Figure:
    """One head: row = the token that looks, column = the token looked at.

    pattern: (T, T), each row sums to 1. tokens: the T tokens as text.
    """
    T = len(tokens)
    labels = [html.escape(visible(token)) for token in tokens]
    hidden = np.where(np.tri(T, dtype=bool), pattern, np.nan)  # nobody looks ahead
    figure = go.Figure(
        go.Heatmap(
            z=hidden,
            zmin=0,
            zmax=1,
            customdata=np.stack(np.meshgrid(labels, labels), axis=-1),
            hovertemplate="<b>%{customdata[1]}</b> (position %{y}) gives %{z:.1%} of its attention"
            "<br>to <b>%{customdata[0]}</b> (position %{x})<extra></extra>",
            colorbar={
                "orientation": "h",
                "y": -0.02,
                "yanchor": "top",
                "thickness": 8,
                "tickformat": ".0%",
                "outlinewidth": 0,
                "title": {"text": "share of attention", "side": "bottom"},
            },
            xgap=1 if T <= 48 else 0,
            ygap=1 if T <= 48 else 0,
        )
    )
    # Axes are numbers with the tokens as labels: a categorical axis would merge equal tokens.
    every = max(1, -(-T // 64))
    at = list(range(0, T, every))
    ticks = {
        "tickvals": at,
        "ticktext": [labels[i] for i in at],
        "showgrid": False,
        "zeroline": False,
    }
    mono = {"family": "ui-monospace, monospace", "size": 13 if T <= 40 else 9}
    figure.update_layout(
        height=max(360, min(760, 120 + 18 * T)),
        margin=MARGIN,
        xaxis={
            **ticks,
            "side": "top",
            "tickangle": 0,
            "tickfont": mono,
            "title": "… at this token",
        },
        yaxis={
            **ticks,
            "autorange": "reversed",
            "tickfont": mono,
            "title": "this token looks …",
        },
    )
    return figure


def attention_grid(patterns: np.ndarray) -> go.Figure:
    """Every head at a glance. patterns: (n_layer, n_head, T, T)."""
    L, H, T, _ = patterns.shape
    figure = make_subplots(
        rows=L,
        cols=H,
        horizontal_spacing=0.012,
        vertical_spacing=0.05 / L + 0.02,
        column_titles=[f"head {head}" for head in range(H)],
        row_titles=[f"layer {layer}" for layer in range(L)],
    )
    hidden = np.where(np.tri(T, dtype=bool), patterns, np.nan)
    for layer in range(L):
        for head in range(H):
            figure.add_heatmap(
                z=hidden[layer, head],
                zmin=0,
                zmax=1,
                showscale=False,
                hoverinfo="skip",
                row=layer + 1,
                col=head + 1,
            )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, autorange="reversed")
    figure.update_layout(height=60 + 170 * L, margin={"l": 8, "r": 28, "t": 28, "b": 8})
    return figure


def next_token_bars(candidates: Sequence[tuple[str, float, float]]) -> go.Figure:
    """The likeliest next tokens: (token, p of the bare model, p after temperature and filters)."""
    tokens = [html.escape(visible(token)) for token, _, _ in candidates]
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
            "tickfont": {"family": "ui-monospace, monospace", "size": 14},
        },
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    return figure


def live_next_token_option(candidates: Sequence[tuple[str, float, float]]) -> dict[str, Any]:
    """The same bars as an ECharts option, for while the text is being written."""
    series = [("drawn from", 2, {}), ("bare model", 1, {"color": GUIDES[2]})]
    return {
        "animation": False,
        "grid": {"left": 8, "right": 16, "top": 30, "bottom": 8, "containLabel": True},
        "legend": {"top": 0, "left": 0},
        "tooltip": {"trigger": "axis", "valueFormatter": "percent"},
        "xAxis": {"type": "value", "min": 0, "max": 1, "axisLabel": {"formatter": "{value}"}},
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": [visible(token) for token, _, _ in candidates],
            "axisLabel": {"fontFamily": "monospace", "fontSize": 14},
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
