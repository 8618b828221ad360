"""What each part gives to one number, one below the other, from 0 to their sum."""

import csv
import io
from collections.abc import Sequence

import numpy as np

from minigpt.plots.chart import Axis, Bars, Chart, Rows, above
from minigpt.plots.picture import FAINT, HATCH, INK, LINE, document
from minigpt.plots.theme import GUIDES_AT, LETTERS, TEMPLATE, TRAIN_AT, VALIDATION_AT, escaped
from minigpt.tokenizers.visible import columns, legible

STEP = 24  # pixels of a row
ACROSS = 420  # pixels of the axis
SUM = "sum"


def waterfall(names: Sequence[str], amounts: np.ndarray, total: float, unit: str) -> Chart:
    """n parts, each beginning where the one before it ends, and their sum, a row each.

    amounts: (n,). `total` is what they sum to, as it was found without them. As of all differences,
    amber is more and teal less.
    """
    ends = np.concatenate([[0.0], np.cumsum(amounts)])
    values, none = np.append(amounts, total), np.zeros(len(amounts) + 1)
    is_sum = np.arange(len(values)) == len(amounts)
    starts = [*ends[:-1].tolist(), 0.0]

    def bars(name: str, where: np.ndarray, color: int) -> Bars:
        return Bars(name, np.where(where, values, none).tolist(), color, starts)

    parts = [
        bars("lowers it", (values < 0) & ~is_sum, TRAIN_AT),
        bars("raises it", (values > 0) & ~is_sum, VALIDATION_AT),
        bars(SUM, is_sum, GUIDES_AT[0]),
    ]
    low, high = min(0.0, total, ends.min()), max(0.0, total, ends.max())
    room = 0.2 * max(high - low, 1e-9)  # for the numbers beside the bars
    x = Axis(unit, float(low - room), float(high + room), above((high - low) / 5 or 1), "+.2f")
    rows = Rows([*names, SUM], [""] * len(values), "sans-serif")
    return Chart(parts, x, rows, height=60 + STEP * len(values), legend="across")


def waterfall_svg(chart: Chart, title: str) -> str:
    """A waterfall as a standalone SVG file."""
    names = chart.y.texts
    left = 24 + 0.56 * LETTERS * max(map(columns, names))
    scale = ACROSS / (chart.x.high - chart.x.low)

    def across(value: float) -> float:
        return left + 40 + (value - chart.x.low) * scale

    heading = f'font-size="{LETTERS + 2}" font-weight="600"'
    bottom = 50 + STEP * len(names)
    parts = [
        LINE.format(8, 24, heading, escaped(legible(title))),
        f'<path d="M{across(0):.1f} 44V{bottom}" stroke="{HATCH}"/>',
    ]
    for row, name in enumerate(names):
        about = f'text-anchor="end" fill="{INK}"'
        parts.append(LINE.format(left, 66 + STEP * row, about, escaped(name)))
    for part in chart.parts:
        for row, (start, length) in enumerate(zip(part.starts, part.lengths, strict=True)):
            if not length:
                continue
            low, high = sorted([across(start), across(start + length)])
            color = TEMPLATE.layout.colorway[part.color]
            parts.append(
                f'<rect x="{low:.1f}" y="{53 + STEP * row}" width="{max(1, high - low):.1f}" '
                f'height="{STEP - 7}" fill="{color}"/>'
            )
            x, anchor = (high + 5, "start") if length > 0 else (low - 5, "end")
            words = f"{length:{chart.x.shown}}".replace("-", "−")
            parts.append(LINE.format(x, 66 + STEP * row, f'text-anchor="{anchor}"', words))
    said = f"{chart.x.name}. Amber raises it, teal lowers it; each part begins where the last ends."
    parts.append(LINE.format(left + 40, bottom + 22, f'fill="{FAINT}"', escaped(said)))
    width = max(left + ACROSS + 100, left + 60 + 7 * len(said), 24 + 9.9 * columns(title))
    return document(parts, width, bottom + 40)


def waterfall_table(names: Sequence[str], amounts: np.ndarray, total: float) -> str:
    """A waterfall as CSV: a row for each part, then the sum."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["part", "amount"])
    lines.writerows([name, f"{amount:.6f}"] for name, amount in zip(names, amounts, strict=True))
    lines.writerow([SUM, f"{total:.6f}"])
    return text.getvalue()
