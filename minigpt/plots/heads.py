"""Attention, one head large or all of them at a glance. Every map is square."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal
from unicodedata import east_asian_width

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from minigpt.plots.theme import (
    LABELS,
    LETTERS,
    MARGIN,
    escaped,
)
from minigpt.tokenizers.visible import visible

EARLIER = "earlier"
LABEL_COLUMNS = 10  # of a letter's width each; a longer label is cut, and whole in the hover
GAP = 0.06  # between maps, as a share of a map
SIDE = 200  # of a map at most, in pixels
MOST_ROWS = 512  # of a map
MOST_PIXELS = 64  # of a small picture's side
SLACK = 1e-3  # by which a weight may be out of its range, for it was rounded on its way
HEATMAP_ROOM = 300  # pixels above and below a large map, with a title
GRID_MARGIN = {"l": 8, "r": 28, "t": 28, "b": 8}
GRID_ROOM = 36  # what the margins take, across and down
LOOKS = "%{{customdata[0]}} gives %{{z:.1%}} of its attention<br>to {}<extra></extra>"
COLORBAR = {
    "orientation": "h",
    "y": -0.02,
    "yanchor": "top",
    "thickness": 8,
    "tickformat": ".0%",
    "outlinewidth": 0,
    "title": {"text": "share of attention", "side": "bottom", "font": {"size": LETTERS}},
    "tickfont": {"size": LABELS},
}
MONOSPACE = {"family": "ui-monospace, monospace", "size": LABELS}


def attention_heatmap(pattern: np.ndarray, tokens: Sequence[str]) -> go.Figure:
    """One head: row = the token that looks, column = the token looked at.

    pattern: (N, T), the rows of the newest N of T tokens, each of sum 1. Of the columns the newest
    N are shown, and in front of them, where N < T, one for all that lie further back, so that what
    a row shows still sums to 1. tokens: the T tokens as text. Both axes count tokens from 1.
    """
    (N, T), shown = pattern.shape, [escaped(visible(token)) for token in tokens]
    first, numbers = T - N, np.arange(T - N + 1, T + 1)
    looked_at = [f"<b>{label}</b> (token {i + 1:,})" for i, label in enumerate(shown)]
    figure = go.Figure()
    figure.add_heatmap(
        z=causal(pattern[:, first:]),
        x=numbers,
        y=numbers,
        customdata=[
            [(looked_at[first + row], looked_at[first + column]) for column in range(row + 1)]
            for row in range(N)
        ],
        hovertemplate=LOOKS.format("%{customdata[1]}"),
        xgap=1 if N <= 48 else 0,
        ygap=1 if N <= 48 else 0,
    )
    if first:
        figure.add_heatmap(
            z=further_back(pattern),
            x=[first - 1],
            y=numbers,
            customdata=[[(looked_at[first + row],)] for row in range(N)],
            hovertemplate=LOOKS.format(f"the {first:,} before token {first + 1:,}"),
        )
    figure.update_traces(zmin=0, zmax=1, colorbar=COLORBAR, showscale=False)
    figure.data[0].showscale = True
    # Axes are numbers with the tokens as labels: a categorical axis would merge equal tokens.
    labels = [short(visible(token)) for token in tokens[first:]]
    slanted = first > 0 or max(map(columns, labels)) > 2
    # A slanted label reaches beyond the map's edge, where Plotly would leave it out.
    ticks = {"showgrid": False, "zeroline": False, "ticks": "", "tickfont": MONOSPACE}
    ticks["ticklabeloverflow"] = "allow"
    at, text = list(numbers), list(map(escaped, labels))
    figure.update_layout(
        height=760,
        margin=MARGIN,
        xaxis={
            **ticks,
            "tickvals": [first - 1, *at] if first else at,
            "ticktext": [EARLIER, *text] if first else text,
            "side": "top",
            "tickangle": -45 if slanted else 0,
            "title": "… at this token",
            "range": [first - 1.5 if first else 0.5, T + 0.5],
            "constrain": "domain",
        },
        yaxis={
            **ticks,
            "tickvals": at,
            "ticktext": text,
            "title": "this token looks …",
            "range": [T + 0.5, first + 0.5],
            "scaleanchor": "x",
            "constrain": "domain",
            "constraintoward": "top",
        },
    )
    return figure


def causal(patterns: np.ndarray) -> np.ndarray:
    """Patterns (…, N, N) with nothing where nobody looks: ahead."""
    return np.where(np.tri(patterns.shape[-1], dtype=bool), patterns, np.nan)


def further_back(patterns: np.ndarray) -> np.ndarray:
    """What the newest N of T tokens give to those before them: (…, N, 1) of patterns (…, N, T)."""
    N, T = patterns.shape[-2:]
    return patterns[..., : T - N].sum(axis=-1, keepdims=True)


Kind = Literal["share", "norm", "difference"]  # of what a map shows; the first sum to 1 in a row


def thumbnail(patterns: np.ndarray) -> np.ndarray:
    """Maps (…, N, T) as small pictures, uint8 (…, S, S) with S = min(N, 64): of each block of a
    map, its maximum.

    0 stands where nobody can look: ahead; 1 to 255 are the weights 0 to 1, whatever a head's own
    maximum. Of the columns are shown those that the large map shows: where N < T, one for all that
    lies further back, and the newest N.
    """
    N, T = patterns.shape[-2:]
    shown = np.where(np.tri(N, dtype=bool), patterns[..., T - N :], -1)
    if N < T:
        shown = np.concatenate([further_back(patterns), shown], axis=-1)
    side = min(N, MOST_PIXELS)
    for axis in (-1, -2):
        edges = np.arange(side) * shown.shape[axis] // side
        shown = np.maximum.reduceat(shown, edges, axis)
    levels = 1 + np.rint(254 * np.clip(shown, 0, 1))
    return np.where(shown < 0, 0, levels).astype(np.uint8)


def packed(pattern: np.ndarray, kind: Kind = "share", highest: float = 1.0) -> bytes:
    """One map (N, T) as what a browser is sent: row after row, the weights of a token for what lies
    further back, where N < T, and then for the newest tokens up to itself.

    Each is a little-endian uint16, of which 65,535 is `highest`; of a difference an int16, of which
    32,767 is `highest` and -32,767 the opposite. Raises ValueError for what does not fit.
    """
    N, T = pattern.shape
    rows = pattern[:, T - N :]
    if N < T:
        rows = np.concatenate([further_back(pattern), rows], axis=1)
    values = rows[np.tri(N, rows.shape[1], rows.shape[1] - N, dtype=bool)] / highest
    lowest = -1 if kind == "difference" else 0
    if not ((values > lowest - SLACK) & (values < 1 + SLACK)).all():
        raise ValueError(f"a weight is not between {lowest * highest:g} and {highest:g}")
    steps, form = (32_767, "<i2") if kind == "difference" else (65_535, "<u2")
    return np.rint(np.clip(values, lowest, 1) * steps).astype(form).tobytes()


def table(pattern: np.ndarray, tokens: Sequence[str]) -> str:
    """One map (N, T) as CSV: a row per looking token that is shown, a column per token that was
    read. Each is named by its number and itself, so that no two are the same to who reads it.

    >>> print(table(np.eye(2), [" ", " "]), end="")
    looks,1 ·,2 ·
    1 ·,1.00000,0.00000
    2 ·,0.00000,1.00000
    """
    names = [f"{number} {visible(token)}" for number, token in enumerate(tokens, start=1)]
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["looks", *names])
    lines.writerows(
        [name, *map("{:.5f}".format, row)]
        for name, row in zip(names[-len(pattern) :], pattern, strict=True)
    )
    return text.getvalue()


def columns(label: str) -> int:
    """How wide a label is in letters of one width; those of Chinese and Japanese count for two."""
    return sum(1 + (east_asian_width(character) in "WF") for character in label)


def short(label: str) -> str:
    """A label cut to LABEL_COLUMNS, with `…` where something is left out.

    >>> short("antidisestablishment"), short("·the")
    ('antidises…', '·the')
    """
    if columns(label) <= LABEL_COLUMNS:
        return label
    while columns(label) > LABEL_COLUMNS - 1:
        label = label[:-1]
    return f"{label}…"


@dataclass(frozen=True)
class Shape:
    """What a map asks of the page: a box of this shape, and how close its labels may come."""

    width: int  # pixels at most
    height: str  # in CSS, where 100cqw is the width that the box has
    labels: int = 0  # on each axis
    room: int = 0  # pixels of the width that the map itself has not
    pitch: Mapping[str, int] = field(default_factory=dict)  # pixels a label needs, of x and of y

    def widths(self, pitch: int) -> list[tuple[float, float]]:
        """Between which widths of the box only every second, third, … label has its pitch."""
        edges = [self.room + pitch * self.labels / every for every in range(1, self.labels + 1)]
        edges = [edge for edge in edges if edge > NARROWEST]
        return [(least, most - 0.02) for most, least in pairwise([*edges, 0.0])]


NARROWEST = 240  # pixels of a box, on the smallest telephone


def heatmap_shape(tokens: Sequence[str], earlier: bool) -> Shape:
    """The box for the large map of these tokens, with or without a column for earlier ones."""
    widest = max(columns(short(visible(token))) for token in tokens)
    widest = max(widest, len(EARLIER)) if earlier else widest
    slanted, letter = widest > 2, 0.62 * LETTERS
    aside = round(0.7 * letter * widest)
    across = 50 + round(letter * widest) + (aside if slanted else 0)
    down = 120 + (aside if slanted else 0)
    return Shape(
        width=max(400, min(760, 150 + 24 * len(tokens))),
        height="calc(100cqw + 40px)",
        labels=len(tokens) + earlier,
        room=max(across, down - 40),
        pitch={"x": 22 if slanted else round(letter * widest + 4), "y": LETTERS},
    )


def alone(figure: go.Figure, shape: Shape) -> go.Figure:
    """A large map for a file of its own, where no page thins its labels out: with as many as have
    their pitch at its height."""
    layout, side = figure.layout, figure.layout.height - HEATMAP_ROOM
    for axis, pitch in ((layout.xaxis, shape.pitch["x"]), (layout.yaxis, shape.pitch["y"])):
        every = -(-pitch * shape.labels // side)
        axis.update(
            title_font_size=LETTERS,
            tickvals=axis.tickvals[::every],
            ticktext=axis.ticktext[::every],
        )
    return figure.update_layout(width=layout.height)


def grid_shape(layers: int, heads: int) -> Shape:
    """The box for the maps of all heads."""
    return Shape(
        width=GRID_ROOM + SIDE * heads,
        height=f"calc((100cqw - {GRID_ROOM}px) * {layers / heads:.3f} + {GRID_ROOM}px)",
    )


def attention_grid(patterns: np.ndarray) -> go.Figure:
    """Every head at a glance. patterns: (n_layer, n_head, N, T), the rows of the newest N tokens;
    of the columns are shown those that `attention_heatmap` shows."""
    L, H, N, T = patterns.shape
    figure = make_subplots(
        rows=L,
        cols=H,
        horizontal_spacing=GAP / H,
        vertical_spacing=GAP / L,
        column_titles=[f"head {head}" if H <= 4 else str(head) for head in range(H)],
        row_titles=[f"layer {layer}" if H <= 4 else str(layer) for layer in range(L)],
    )
    z = causal(patterns[..., T - N :])
    if N < T:  # two columns in front: what lies further back, and nothing
        z = np.concatenate([further_back(patterns), np.full((L, H, N, 1), np.nan), z], axis=-1)
    for layer in range(L):
        for head in range(H):
            figure.add_heatmap(
                z=z[layer, head].astype(np.float32),
                zmin=0,
                zmax=1,
                showscale=False,
                hoverinfo="skip",
                row=layer + 1,
                col=head + 1,
            )
            axis = figure.get_subplot(layer + 1, head + 1).xaxis.plotly_name.replace("axis", "")
            figure.update_yaxes(scaleanchor=axis, row=layer + 1, col=head + 1)
    figure.update_xaxes(visible=False, constrain="domain")
    figure.update_yaxes(visible=False, autorange="reversed", constrain="domain")
    figure.update_annotations(font_size=LETTERS)
    figure.update_layout(height=GRID_ROOM + SIDE * L, margin=GRID_MARGIN)
    return figure
