"""Vectors in a plane, such as the embeddings of tokens: dots with their labels, also as a file."""

import csv
import io
from collections.abc import Sequence

import numpy as np

from minigpt.plots.chart import Axis, Chart, Line, Points, above
from minigpt.plots.picture import FAINT, HATCH, LETTER, LINE, document
from minigpt.plots.theme import GUIDES_AT, LABELS, LETTERS, OTHERS_AT, TEMPLATE, TRAIN_AT, escaped
from minigpt.tokenizers.visible import brief, columns, legible, visible

MOST_POINTS = 2_000  # more would hide each other
SIDE = 440  # pixels of the square
COLORS = (*OTHERS_AT, *GUIDES_AT)
SHAPES = ("circle", "triangle", "square", "diamond")
MARKS = {  # around 0, 0
    "circle": '<circle cx="{x:.1f}" cy="{y:.1f}" r="4" {fill}/>',
    "square": '<path d="M{x:.1f} {y:.1f}m-4 -4h8v8h-8z" {fill}/>',
    "triangle": '<path d="M{x:.1f} {y:.1f}m0 -5l5 9h-10z" {fill}/>',
    "diamond": '<path d="M{x:.1f} {y:.1f}m0 -5l5 5l-5 5l-5 -5z" {fill}/>',
}


def scattered(
    points: np.ndarray,
    tokens: Sequence[str],
    classes: Sequence[str],
    names: Sequence[str],
    chosen: int | None = None,
    near: Sequence[int] = (),
) -> Chart:
    """n points (n, 2), each of one class of up to eight `names`, which have their own colour and
    shape, whichever of them are there. From the `chosen` point thin lines go to those `near` it.

    Both axes have one scale, and 0 in the middle. Labels that would lie over one another are left
    out: those of the chosen point and its neighbours come first, then the others in their order.
    """
    farthest = float(np.abs(points).max(initial=0)) or 1.0
    apart = above(farthest / 4)
    reach = apart * np.ceil(1.08 * farthest / apart)
    texts = [brief(token) for token in tokens]
    first = [] if chosen is None else [chosen, *near]
    labelled = apart_enough(points * SIDE / (2 * reach), texts, first)
    parts: list[Line | Points] = []
    for i, name in enumerate(names):
        its = np.flatnonzero(np.array([each == name for each in classes], dtype=bool))
        if len(its):
            shape, color = SHAPES[i % len(SHAPES)], COLORS[i]
            its_texts = [texts[j] for j in its]
            x, y = points[its].T
            parts.append(Points(name, x, y, its_texts, labelled[its], color, shape))
    if chosen is not None and len(near):
        rays = np.repeat(points[list(near)], 3, axis=0)  # there, from here, and a gap
        rays[1::3], rays[2::3, 1] = points[chosen], np.nan
        parts.append(Line(f"nearest to {texts[chosen]}", *rays.T, TRAIN_AT, width=1.5))
    axis = Axis("", -float(reach), float(reach), apart, ".2f")
    return Chart(parts, axis, axis, SIDE + 118, "across", square=True)


def apart_enough(places: np.ndarray, texts: Sequence[str], first: Sequence[int]) -> np.ndarray:
    """Which of n labels, centred on places (n, 2) in pixels, do not lie over one that has a place
    already: bool (n,)."""
    order = [*first, *(i for i in range(len(texts)) if i not in set(first))]
    half = np.array([LETTER * columns(text) / 2 + 1 for text in texts])
    shown = np.zeros(len(texts), dtype=bool)
    for i in order:
        across, up = np.abs(places[shown] - places[i]).T
        shown[i] = not ((across < half[shown] + half[i]) & (up < LABELS)).any()
    return shown


def scattered_svg(chart: Chart, title: str) -> str:
    """The same as a standalone SVG file."""
    left, top, reach = 24.0, 44.0, chart.x.high

    def at(x: float, y: float) -> tuple[float, float]:
        return left + SIDE * (x + reach) / (2 * reach), top + SIDE * (reach - y) / (2 * reach)

    middle = SIDE / 2
    parts = [
        LINE.format(8, 24, f'font-size="{LETTERS + 2}" font-weight="600"', escaped(legible(title))),
        f'<path d="M{left} {top + middle}h{SIDE}M{left + middle} {top}v{SIDE}" stroke="{HATCH}"/>',
    ]
    for part in chart.parts:
        color = TEMPLATE.layout.colorway[part.color]
        if isinstance(part, Line):
            ends = [at(x, y) for x, y in zip(part.x, part.y, strict=True) if np.isfinite(y)]
            rays = "".join(f"M{a[0]:.1f} {a[1]:.1f}L{b[0]:.1f} {b[1]:.1f}"
                           for a, b in zip(ends[::2], ends[1::2], strict=True))  # fmt: skip
            parts.append(f'<path d="{rays}" stroke="{color}" stroke-width="{part.width}"/>')
            continue
        for x, y, text, label in zip(part.x, part.y, part.texts, part.labelled, strict=True):
            (x, y), fill = at(x, y), f'fill="{color}"'
            parts.append(MARKS[part.shape].format(x=x, y=y, fill=fill))
            if label:
                about = f'class="token" text-anchor="middle" {fill}'
                parts.append(LINE.format(x, y - 8, about, escaped(text)))
    foot = top + SIDE + 16
    for row, part in enumerate(chart.parts):
        if isinstance(part, Points):
            fill = f'fill="{TEMPLATE.layout.colorway[part.color]}"'
            parts.append(MARKS[part.shape].format(x=left + 4, y=foot + 20 * row, fill=fill))
        words = f'fill="{FAINT}"'
        parts.append(LINE.format(left + 16, foot + 20 * row + 5, words, escaped(part.name)))
    width = max(SIDE + 2 * left, 24 + 9.9 * columns(title))
    return document(parts, width, foot + 20 * len(chart.parts) + 8)


def scattered_table(points: np.ndarray, tokens: Sequence[str], classes: Sequence[str]) -> str:
    """The same as CSV: a row for each token, as it is shown."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["token", "class", "x", "y"])
    for (x, y), token, name in zip(points, tokens, classes, strict=True):
        lines.writerow([visible(token), name, f"{x:.6f}", f"{y:.6f}"])
    return text.getvalue()
