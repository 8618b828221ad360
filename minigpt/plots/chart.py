"""How a chart is described: once, whether it moves or rests. Colours are places in the palette."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from textwrap import wrap
from typing import Literal

import numpy as np

LEGEND_LETTERS, LEGEND_ROW = 44, 19  # of a legend's line that a phone shows whole; its height, px
# Lines beyond the two colours are slate: their dashes tell them apart.
DASHES = ("solid", "dash", "dot", "dashdot", "14px,6px")


@dataclass(frozen=True)
class Axis:
    """Numbers from `low` to `high`, or to where the data end."""

    name: str
    low: float = 0
    high: float | None = None
    apart: float | None = None  # the labels along it
    shown: str = ","  # how a point's number is told, as `format` takes it
    log: bool = False  # the powers of ten lie evenly along it

    @property
    def percent(self) -> bool:
        """Whether its numbers are shares of 1."""
        return self.shown.endswith("%")


@dataclass(frozen=True)
class Rows:
    """An axis of texts from top to bottom, each with what stands before it to mark it, or ""."""

    texts: Sequence[str]
    marks: Sequence[str]
    letters: Literal["monospace", "sans-serif"] = "monospace"  # as tokens are shown, or words


@dataclass(frozen=True, eq=False)  # arrays are not equal or unequal
class Line:
    """Through points x, y of shape (n,); where y is NaN the line has a gap."""

    name: str
    x: np.ndarray
    y: np.ndarray
    color: int
    dash: str = DASHES[0]
    width: float = 2
    points: bool = False  # each shown as a dot
    says: str = ""  # of the point under the pointer, with {x}, {y}, and {more} of `more`
    more: np.ndarray | None = None  # (n,)

    @property
    def rows(self) -> list[str]:
        """Its name as the legend shows it: whole, on as many rows as it needs."""
        return wrap(self.name, LEGEND_LETTERS)


@dataclass(frozen=True, eq=False)
class Points:
    """A dot at each x, y of shape (n,), with its text in the hover, and beside it where `labelled`,
    bool (n,), has room for that."""

    name: str
    x: np.ndarray
    y: np.ndarray
    texts: Sequence[str]  # as they are shown
    labelled: np.ndarray
    color: int
    shape: Literal["circle", "square", "triangle", "diamond"]


@dataclass(frozen=True)
class Bars:
    """A bar for each of the rows, beside those of other parts; with `starts`, where each begins,
    on one line with them: then one part alone has a length in each row, and says it."""

    name: str
    lengths: Sequence[float]
    color: int
    starts: Sequence[float] | None = None


@dataclass(frozen=True)
class Chart:
    """Lines and points over two axes, or bars in rows. Its legend names them side by side, or one
    below the other where what they are of is pointed at one by one as well. A square one has the
    same scale along both axes."""

    parts: Sequence[Line | Points | Bars]
    x: Axis
    y: Axis | Rows
    height: int  # px
    legend: Literal["none", "line", "across", "down"] = "none"
    square: bool = False

    def placed(self) -> Iterator[Line | Points | Bars | None]:
        """The parts in the palette's order, None for each colour that none of them takes: both
        renderers colour by position."""
        at = {part.color: part for part in self.parts}
        return (at.get(color) for color in range(max(at) + 1))

    @property
    def starts(self) -> Sequence[float] | None:
        """Where its bars begin, one in each row; None where they begin at 0, beside each other."""
        return next((part.starts for part in self.parts if isinstance(part, Bars)), None)

    @property
    def top(self) -> int:
        """Pixels above the plot, for the legend: across, it has three rows on a phone, of a few
        short names one line."""
        if self.legend == "down":
            return legend_room(self.parts)
        return {"none": 12, "line": 32, "across": 66}[self.legend]


def legend_room(lines: Sequence[Line]) -> int:
    """Pixels for a legend with every name whole, one below the other."""
    return 14 + LEGEND_ROW * sum(len(line.rows) for line in lines)


def rounded(name: str, values: Sequence[np.ndarray], shown: str) -> Axis:
    """An axis that holds all values, its labels 1, 2 or 5 times a power of ten apart, about five
    times in between."""
    known = np.concatenate([np.zeros(0), *values])
    known = known[np.isfinite(known)]
    low, high = (known.min(), known.max()) if len(known) else (0.0, 1.0)
    apart = above(max(high - low, 1e-3 * abs(high), 1e-9) / 5)
    first, last = np.floor(low / apart), np.ceil(high / apart)
    return Axis(
        name, float(first * apart), float(max(last, first + 1) * apart), float(apart), shown
    )


def above(number: float) -> float:
    """The least of 1, 2 and 5 times a power of ten that is not less."""
    power = 10 ** np.floor(np.log10(number))
    return float(next(m * power for m in (1, 2, 5, 10) if m * power >= number))


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
