"""Attention, one head large or all of them at a glance."""

import html
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from minigpt.plots.theme import MARGIN, visible


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
