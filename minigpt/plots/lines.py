"""Lines over two axes as a picture of its own: an SVG file in the palette of `TEMPLATE`."""

from collections.abc import Callable

import numpy as np

from minigpt.plots.chart import DASHES, Axis, Chart, Line, above
from minigpt.plots.picture import FAINT, LINE, document
from minigpt.plots.theme import LABELS, LETTERS, TEMPLATE, escaped
from minigpt.tokenizers.visible import columns, legible

LEFT, TOP, WIDE, HIGH = 64, 48, 620, 320  # pixels of the plot and in front of it
ROW = 20  # of the legend
GRID = "#E5E7EB"
DASHED = dict(zip(DASHES, ("none", "7 4", "2 3", "8 4 2 4", "14 6"), strict=True))


def lines_svg(chart: Chart, title: str) -> str:
    """A chart of lines as a standalone SVG file."""
    high = chart.x.high
    if high is None:
        high = max(float(np.nanmax(line.x)) for line in chart.parts)
    across = _scale(chart.x, chart.x.low, high, LEFT, LEFT + WIDE)
    up = _scale(chart.y, chart.y.low, chart.y.high, TOP + HIGH, TOP)
    heading = f'font-size="{LETTERS + 2}" font-weight="600"'
    parts = [LINE.format(8, 24, heading, escaped(legible(title)))]
    label = f'font-size="{LABELS}" fill="{FAINT}" text-anchor='
    for value in _ticks(chart.y, chart.y.high):
        y = up(value)
        parts.append(f'<path d="M{LEFT} {y:.1f}h{WIDE}" stroke="{GRID}"/>')
        parts.append(LINE.format(LEFT - 6, y + LABELS / 3, f'{label}"end"', f"{value:g}"))
    for value in _ticks(chart.x, high):
        x = across(value)
        parts.append(f'<path d="M{x:.1f} {TOP}v{HIGH}" stroke="{GRID}"/>')
        parts.append(LINE.format(x, TOP + HIGH + 18, f'{label}"middle"', f"{value:,.6g}"))
    foot = TOP + HIGH + 38
    parts.append(LINE.format(LEFT + WIDE / 2, foot, f'{label}"middle"', escaped(chart.x.name)))
    parts.append(f'<text transform="translate(18 {TOP + HIGH / 2}) rotate(-90)" {label}"middle">'
                 f"{escaped(chart.y.name)}</text>")  # fmt: skip
    for line in chart.parts:
        parts += _drawn(line, across(line.x), up(line.y))
    for row, line in enumerate(chart.parts, start=1):
        y = foot + ROW * row
        parts += _drawn(line, np.array([LEFT, LEFT + 16, LEFT + 32]), np.full(3, y - 4.0))
        parts.append(LINE.format(LEFT + 42, y, f'fill="{FAINT}"', escaped(line.name)))
    longest = max(columns(line.name) for line in chart.parts)
    width = max(LEFT + WIDE + 28, 24 + 9.9 * columns(title), LEFT + 66 + 7.5 * longest)
    return document(parts, width, foot + ROW * (len(chart.parts) + 1))


def _scale(
    axis: Axis, low: float, high: float, first: float, last: float
) -> Callable[[np.ndarray], np.ndarray]:
    """The function from an axis's numbers to pixels, `first` at its low end."""
    at = np.log10 if axis.log else np.asarray
    return lambda value: first + (at(value) - at(low)) / (at(high) - at(low)) * (last - first)


def _ticks(axis: Axis, high: float) -> np.ndarray:
    """Where an axis has its labels."""
    if axis.log:
        return 10.0 ** np.arange(np.ceil(np.log10(axis.low)), np.log10(high) + 1e-9)
    apart = axis.apart or above((high - axis.low) / 6)
    return np.arange(np.ceil(axis.low / apart - 1e-9), high / apart + 1e-9) * apart + 0.0  # no −0


def _drawn(line: Line, x: np.ndarray, y: np.ndarray) -> list[str]:
    """A line through pixels, with its gaps, and its dots."""
    color = TEMPLATE.layout.colorway[line.color]
    path, pen = [], "M"
    for place in zip(x.tolist(), y.tolist(), strict=True):
        if np.isnan(place).any():
            pen = "M"
            continue
        path.append("{}{:.1f} {:.1f}".format(pen, *place))
        pen = "L"
    about = f'stroke-width="{line.width}" stroke-dasharray="{DASHED[line.dash]}"'
    parts = [f'<path d="{"".join(path)}" fill="none" stroke="{color}" {about}/>']
    if line.points:
        known = np.isfinite(x) & np.isfinite(y)
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.5" fill="{color}"/>'
                  for a, b in zip(x[known], y[known], strict=True)]  # fmt: skip
    return parts
