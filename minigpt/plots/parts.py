"""What each part of a model matters, as an SVG file; it and surprise as numbers."""

import csv
import io
from collections.abc import Iterable, Sequence

import numpy as np

from minigpt.plots.picture import FAINT, HATCH, LETTER, LINE, document
from minigpt.plots.theme import DIVERGING, LABELS, LETTERS, escaped
from minigpt.tokenizers.visible import brief, columns, legible, visible

DEEPEST_BITS = 8  # of surprise, and more: the deepest colour
WIDE, HIGH, GAP = 82, 44, 4  # px of a cell
NONE_SEEN = "none seen"


def signed(number: float) -> str:
    """A change, with its sign: "+0.123", "−0.004"; "?" where it is not known."""
    return f"{number:+.3f}".replace("-", "−") if np.isfinite(number) else "?"


def depths(delta: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """How deep each part's colour is, -1 to 1: (n,), of n changes of the loss; `whole` marks those
    of whole layers, which are by far the largest: the scale ends at the largest of the others."""
    top = np.abs(delta[~whole]).max(initial=0.0)
    return np.clip(delta / (top or 1.0), -1, 1)


def parts_svg(
    rows: Sequence[str],
    across: Sequence[str],
    delta: np.ndarray,
    seen: np.ndarray,
    depth: np.ndarray,
    title: str,
    told: str,
) -> str:
    """The map as a standalone SVG file, in the palette of `TEMPLATE`: rows are layers.

    delta, seen, depth: (n,), row after row. A part without an effect that chance does not explain
    is hatched, and has no colour; `told` stands below.
    """
    left, top = 80, 66
    body = [
        LINE.format(8, 24, f'font-size="{LETTERS + 2}" font-weight="600"', escaped(legible(title)))
    ]
    middle = f'text-anchor="middle" font-size="{LABELS}"'
    for j, name in enumerate(across):
        x = left + j * (WIDE + GAP) + WIDE / 2
        body.append(LINE.format(x, top - 8, f'{middle} fill="{FAINT}"', escaped(name)))
    for i, name in enumerate(rows):
        y = top + i * (HIGH + GAP)
        about = f'font-size="{LABELS}" fill="{FAINT}"'
        body.append(LINE.format(8, y + HIGH / 2 + LABELS / 3, about, escaped(name)))
        for j in range(len(across)):
            at = i * len(across) + j
            x, is_seen = left + j * (WIDE + GAP), bool(seen[at])
            fill = _color(depth[at]) if is_seen else "url(#ahead)"
            body.append(
                f'<rect x="{x}" y="{y}" width="{WIDE}" height="{HIGH}" fill="{fill}" '
                f'stroke="{HATCH}"/>'
            )
            ink = f' fill="{"white" if abs(depth[at]) > 0.75 else "#1F2937"}"' if is_seen else ""
            words = signed(delta[at]) if is_seen else NONE_SEEN
            body.append(
                LINE.format(x + WIDE / 2, y + HIGH / 2 + LABELS / 3, middle + ink, escaped(words))
            )
    foot = top + len(rows) * (HIGH + GAP) + 20
    body.append(LINE.format(8, foot, f'fill="{FAINT}" font-size="{LABELS}"', escaped(told)))
    wide = max(left + len(across) * (WIDE + GAP) + 12, 8 + 0.55 * LABELS * len(told))
    return document(body, wide, foot + 16)


def _color(depth: float) -> str:
    """A place on the diverging scale, -1 to 1."""
    stops = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in DIVERGING])
    at = np.linspace(-1, 1, len(stops))
    r, g, b = (round(float(np.interp(depth, at, stops[:, i]))) for i in range(3))
    return f"#{r:02X}{g:02X}{b:02X}"


def parts_table(
    names: Sequence[str], delta: np.ndarray, low: np.ndarray, high: np.ndarray, level: float
) -> str:
    """The map as CSV, a line for each part: by how much the loss rises without it, with its
    interval, in nats per token; nothing where there is no interval."""
    return _csv(
        ["part", "nats", f"low at {level:.5f}", "high"],
        ([name, *map(_known, row)] for name, *row in zip(names, delta, low, high, strict=True)),
    )


def surprise_svg(tokens: Sequence[str], bits: np.ndarray, title: str) -> str:
    """A text as a standalone SVG file, each of its tokens but the first the darker the more it
    surprised a model: bits (n,) of n + 1 tokens, deepest from 8 on."""
    body = [
        LINE.format(8, 24, f'font-size="{LETTERS + 2}" font-weight="600"', escaped(legible(title)))
    ]
    x, y, wide = 8.0, 60.0, 720.0
    for token, bit in zip(tokens, [0.0, *bits.tolist()], strict=True):
        label = brief(token)
        width = LETTER * columns(label) + 2
        if x + width > wide:
            x, y = 8.0, y + 26
        fill = _color(-min(1.0, bit / DEEPEST_BITS))
        ink = ' fill="white"' if bit > 0.75 * DEEPEST_BITS else ""
        body.append(
            f'<rect x="{x:.1f}" y="{y - 15:.1f}" width="{width:.1f}" height="21" fill="{fill}"/>'
        )
        body.append(LINE.format(x + 1, y, f'class="token"{ink}', escaped(label)))
        x += width
    told = f"Pale: expected. Deepest: {DEEPEST_BITS} bits of surprise and more."
    body.append(LINE.format(8, y + 36, f'fill="{FAINT}" font-size="{LABELS}"', told))
    return document(body, wide + 16, y + 52)


def surprise_table(tokens: Sequence[str], bits: np.ndarray, rank: np.ndarray) -> str:
    """How much each token of a text but the first surprised a model, as CSV: bits and rank (n,) of
    n + 1 tokens."""
    each = zip(tokens[1:], bits, rank.tolist(), strict=True)
    return _csv(
        ["place", "token", "bits", "rank"],
        ([i, visible(token), _known(b), r] for i, (token, b, r) in enumerate(each, start=1)),
    )


def places_table(
    places: Sequence[tuple[int, int]],
    bits: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    trigram: np.ndarray | None,
) -> str:
    """What `by_place` draws, as CSV."""
    counted = [np.nan] * len(bits) if trigram is None else trigram
    each = zip(places, bits, low, high, counted, strict=True)
    return _csv(
        ["from", "to", "bits", "low", "high", "trigram"],
        ([*place, *map(_known, numbers)] for place, *numbers in each),
    )


def _known(number: float) -> str:
    return f"{number:.6f}" if np.isfinite(number) else ""


def _csv(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(titles)
    lines.writerows(rows)
    return text.getvalue()
