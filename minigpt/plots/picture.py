"""The large map of one head as a picture of its own: an SVG file in the palette of `TEMPLATE`."""

import base64
import math
import struct
import zlib
from collections.abc import Callable, Sequence

import numpy as np

from minigpt.plots.heads import EARLIER, Kind, further_back, short
from minigpt.plots.theme import DIVERGING, LABELS, LETTERS, SEQUENTIAL, TEMPLATE, escaped
from minigpt.tokenizers.visible import columns, legible, visible

SIDE = 640  # of the square of cells, in pixels at most
CELL = 32  # of a cell, at most
MOST_RECTANGLES = 96  # rows; above that the cells are one small image, stretched
FIRST = 16  # pixels of the column for what lies further back, and half as much room behind it
LETTER = 0.61 * LABELS  # the width of a letter of the monospace labels
INK, FAINT, HATCH = TEMPLATE.layout.font.color, "#64748B", "#DDE4E2"
SHOWN = {"share": "share of attention", "norm": "weight × ‖v W_O‖", "difference": "difference"}
Colors = Callable[[np.ndarray], np.ndarray]
LINE = '<text x="{:.1f}" y="{:.1f}" {}>{}</text>'


def svg(
    pattern: np.ndarray,
    tokens: Sequence[str],
    title: str,
    kind: Kind = "share",
    highest: float = 1.0,
) -> str:
    """One head as a standalone SVG file: row = the token that looks, column = the one looked at.

    pattern: (N, T), the rows of the newest N of T tokens, whose columns are shown with one in front
    for all that lie further back, where N < T. `highest` is the end of the colour scale, which
    begins at 0, or at its opposite where `kind` is a difference.
    """
    N, T = pattern.shape
    labels = [short(visible(token)) for token in tokens[T - N :]]
    cell = min(CELL, SIDE / N)
    widest = max(map(columns, [*labels, EARLIER] if N < T else labels)) * LETTER
    slanted = N < T or widest > 2 * LETTER
    aside = 0.71 * (widest + LABELS) if slanted else 0  # how far a slanted label reaches
    left, top = 40 + widest, 62 + (aside if slanted else LABELS + 6)
    first = 1.5 * FIRST if N < T else 0
    side, x0 = cell * N, left + first
    pitch = max(1.5 * LABELS if slanted else widest + 5, 1.15 * LABELS)
    every = math.ceil(pitch / cell)  # only so many have their label
    difference = kind == "difference"
    scale = DIVERGING if difference else SEQUENTIAL
    colors = colors_of(scale, -highest if difference else 0.0, highest)
    seen = np.where(np.tri(N, dtype=bool), pattern[:, T - N :], np.nan)  # nobody looks ahead
    centers = [(i + 0.5) * cell for i in range(0, N, every)]
    parts = [
        LINE.format(8, 24, f'font-size="{LETTERS + 2}" font-weight="600"', escaped(legible(title))),
        LINE.format(x0, 50, f'fill="{FAINT}"', "… at this token"),
        f'<text transform="translate(20 {top:.1f}) rotate(-90)" text-anchor="end" fill="{FAINT}">'
        "this token looks …</text>",
        f'<path d="M{x0:.1f} {top:.1f}h{side:.1f}v{side:.1f}z" fill="url(#ahead)"/>',
        _cells(colors(seen), x0, top, cell, cell),
    ]
    if N < T:
        parts.append(_cells(colors(further_back(pattern)), left, top, FIRST, cell))
        parts.append(_upper(EARLIER, left + 2, top, slanted))
    for y, label in zip(centers, labels[::every], strict=True):
        parts.append(
            LINE.format(
                left - 6, top + y + LABELS / 3, 'class="token" text-anchor="end"', escaped(label)
            )
        )
        parts.append(_upper(label, x0 + y, top, slanted))
    foot = top + side + 24
    width = max(x0 + side + aside + 16, x0 + 330, 24 + 0.62 * (LETTERS + 2) * columns(title))
    parts.append(scale_bar(scale, ends(kind, highest), SHOWN[kind], x0, foot))
    if every > 1:
        said = f"One token in {every} has its label."
        parts.append(LINE.format(x0, foot + 58, f'fill="{FAINT}"', said))
    return document(parts, width, foot + 70)


def document(parts: Sequence[str], width: float, height: float) -> str:
    font = TEMPLATE.layout.font.family
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="{font}" font-size="{LETTERS}" '
        f'fill="{INK}">\n<style>.token {{ font: {LABELS}px ui-monospace, monospace }}</style>\n'
        '<defs><pattern id="ahead" width="6" height="6" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)"><path d="M0 0V6" stroke="{HATCH}" stroke-width="2"/>'
        "</pattern></defs>\n"
        f'<rect width="100%" height="100%" fill="white"/>\n{chr(10).join(parts)}\n</svg>\n'
    )


def _upper(label: str, x: float, top: float, slanted: bool) -> str:
    """A label above a column."""
    if not slanted:
        return LINE.format(x, top - 6, 'class="token" text-anchor="middle"', escaped(label))
    place = f'transform="translate({x + LABELS / 3:.1f} {top - 6:.1f}) rotate(-45)"'
    return f'<text class="token" {place}>{escaped(label)}</text>'


def colors_of(scale: Sequence[str], lowest: float, highest: float) -> Colors:
    """The function from values to (…, 4) red, green, blue and alpha: none where no value is."""
    stops = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in scale])

    def colors(values: np.ndarray) -> np.ndarray:
        at = np.linspace(lowest, highest, len(stops))
        rgb = [np.interp(np.nan_to_num(values), at, stops[:, i]) for i in range(3)]
        return np.stack([*rgb, 255.0 * ~np.isnan(values)], axis=-1).round().astype(np.uint8)

    return colors


def _cells(colors: np.ndarray, x: float, y: float, width: float, height: float) -> str:
    """Cells (rows, columns, 4) from x, y: rectangles, or where they are many, one image."""
    rows, across = colors.shape[:2]
    if rows > MOST_RECTANGLES:
        data = base64.b64encode(png(colors)).decode()
        return (
            f'<image x="{x:.1f}" y="{y:.1f}" width="{across * width:.1f}" '
            f'height="{rows * height:.1f}" preserveAspectRatio="none" '
            f'style="image-rendering: pixelated" href="data:image/png;base64,{data}"/>'
        )
    gap = 1 if height > 10 else 0
    return "\n".join(
        f'<rect x="{x + column * width:.2f}" y="{y + row * height:.2f}" '
        f'width="{width - gap:.2f}" height="{height - gap:.2f}" fill="#{r:02X}{g:02X}{b:02X}"/>'
        for row in range(rows)
        for column, (r, g, b, alpha) in enumerate(colors[row].tolist())
        if alpha
    )


def png(pixels: np.ndarray) -> bytes:
    """Pixels, uint8 (height, width, 4), as a PNG file (its specification, third edition, W3C)."""
    height, width, _ = pixels.shape
    filters = np.zeros((height, 1), np.uint8)  # each line begins with its filter: none
    lines = np.concatenate([filters, pixels.reshape(height, -1)], axis=1).tobytes()

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)  # 8 bits of each, with alpha
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def scale_bar(scale: Sequence[str], ends: tuple[str, str], words: str, x: float, y: float) -> str:
    """The colour scale with its ends and what it is of."""
    stops = "".join(
        f'<stop offset="{i / (len(scale) - 1):.3f}" stop-color="{color}"/>'
        for i, color in enumerate(scale)
    )
    low, high = ends
    return (
        f'<linearGradient id="scale">{stops}</linearGradient>'
        f'<rect x="{x:.1f}" y="{y:.1f}" width="180" height="10" fill="url(#scale)" '
        f'stroke="{HATCH}"/>'
        + LINE.format(x, y + 28, "", low)
        + LINE.format(x + 180, y + 28, 'text-anchor="end"', high)
        + LINE.format(x + 192, y + 10, f'fill="{FAINT}"', words)
    )


def ends(kind: Kind, highest: float) -> tuple[str, str]:
    """What stands at the ends of the colour scale."""
    if kind == "norm":
        return "0", f"{highest:.3g}"
    high = f"{100 * highest:.3g} %"
    return ("0 %", high) if kind == "share" else (f"−{high}", f"+{high}")
