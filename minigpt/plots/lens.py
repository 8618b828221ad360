"""What a model would answer if it stopped early, as a map: an SVG file, and its numbers as CSV."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, Self

import numpy as np

from minigpt.plots.heads import short
from minigpt.plots.picture import FAINT, INK, LETTER, LINE, colors_of, document, scale_bar
from minigpt.plots.theme import LETTERS, SEQUENTIAL, escaped
from minigpt.tokenizers.visible import columns, legible, visible

LensView = Literal["true", "entropy", "kl"]
VIEWED: dict[LensView, str] = {
    "true": "probability of the token that does come next",
    "entropy": "entropy, in bits",
    "kl": "KL divergence to the output, in bits",
}
NEXT = "comes next"
READ_SO = "In a cell: the likeliest next token. From a dark line down it is the final answer."
ACROSS = 860  # pixels of a line of columns, at most
HIGH, AIR = 22, 30  # pixels of a row of cells, and between two lines of them
LIGHT = 140  # of a colour out of 255: on lighter ones, letters are dark
NUMBERS = ("prob", "true_prob", "rank", "entropy", "kl")
TITLES = (
    "position", "read", "part", "likeliest", "probability", "next", "probability of next",
    "rank of next", "entropy (bits)", "KL to output (bits)", "decided",
)  # fmt: skip


class Found(Protocol):
    """The arrays of `interpret.Lens`, all (R, T), and the names of its rows."""

    rows: list[str]
    likeliest: np.ndarray
    prob: np.ndarray
    true_prob: np.ndarray
    rank: np.ndarray
    entropy: np.ndarray
    kl: np.ndarray


@dataclass(frozen=True, eq=False)  # arrays are not equal or unequal
class LensMap:
    """R rows, one for each part of a model, over T tokens that were read."""

    rows: Sequence[str]
    read: Sequence[str]  # T tokens
    likeliest: Sequence[Sequence[str]]  # R × T tokens
    prob: np.ndarray  # of the likeliest; this and what follows (R, T)
    true_prob: np.ndarray  # of the token that does come next; nan where none does
    rank: np.ndarray  # of that token, 0 the likeliest; -1 where none does
    entropy: np.ndarray  # bits
    kl: np.ndarray  # bits, to the output
    decided: np.ndarray  # (T,), the row from which on the answer stays the likeliest
    vocab_size: int

    @classmethod
    def of(
        cls, found: Found, decided: np.ndarray, ids: Sequence[int], vocabulary: Sequence[str]
    ) -> Self:
        """What was found over ids (T,), in the tokens of the vocabulary."""
        says = [[vocabulary[i] for i in row] for row in found.likeliest]
        numbers = {name: getattr(found, name) for name in NUMBERS}
        read = [vocabulary[i] for i in ids]
        return cls(found.rows, read, says, **numbers, decided=decided, vocab_size=len(vocabulary))

    def newest(self, most: int) -> Self:
        """The same over so many newest tokens."""
        return replace(
            self,
            read=self.read[-most:],
            likeliest=[row[-most:] for row in self.likeliest],
            decided=self.decided[-most:],
            **{name: getattr(self, name)[:, -most:] for name in NUMBERS},
        )

    def values(self, view: LensView) -> np.ndarray:
        """What the colours are of: (R, T), nan where nothing is known."""
        return {"true": self.true_prob, "entropy": self.entropy, "kl": self.kl}[view]

    def highest(self, view: LensView) -> float:
        """Where the colour scale ends, which begins at 0: a certain answer, or the bits of a blind
        guess. A divergence may be more, and has the last colour then."""
        return 1.0 if view == "true" else math.log2(self.vocab_size)

    def ends(self, view: LensView) -> tuple[str, str]:
        """What stands at the ends of the colour scale."""
        if view == "true":
            return "0 %", "100 %"
        return "0", f"{self.highest(view):.1f}" + (" or more" if view == "kl" else "")


def lens_svg(found: LensMap, view: LensView, title: str, first: int = 0) -> str:
    """A map as a standalone SVG file, broken into lines as a long text is; `first` tokens were
    read before it."""
    T = len(found.read)
    labels = [[short(visible(token)) for token in row] for row in found.likeliest]
    heads = [short(visible(token)) for token in found.read]
    wide = max(24.0, LETTER * max(columns(label) for row in [heads, *labels] for label in row) + 8)
    left = 24 + LETTER * max(map(columns, [*found.rows, NEXT]))
    colors = colors_of(SEQUENTIAL, 0.0, found.highest(view))(found.values(view))  # (R, T, 4)
    heading = f'font-size="{LETTERS + 2}" font-weight="600"'
    parts, top = [LINE.format(8, 24, heading, escaped(legible(title)))], 56
    many = max(1, int(ACROSS / wide))
    for start in range(0, T, many):
        places = range(start, min(T, start + many))
        parts += _names(found.rows, left - 8, top)
        for at in places:
            x, coming = left + (at - start) * wide, heads[at + 1] if at + 1 < T else ""
            column = [row[at] for row in labels]
            parts += _column(heads[at], column, coming, colors[:, at], x, top, wide)
            line = f"M{x:.1f} {top + HIGH * (1 + int(found.decided[at]))}h{wide - 1:.1f}"
            parts.append(f'<path d="{line}" stroke="{INK}" stroke-width="2"/>')
        said = f"from token {first + start + 1:,}"
        parts.append(LINE.format(left, top - 2, f'fill="{FAINT}"', said))
        top += HIGH * (len(found.rows) + 2) + AIR
    parts.append(scale_bar(SEQUENTIAL, found.ends(view), VIEWED[view], left, top))
    parts.append(LINE.format(left, top + 58, f'fill="{FAINT}"', READ_SO))
    title_ends = 24 + 0.62 * (LETTERS + 2) * columns(title)
    return document(parts, max(left + min(T, many) * wide + 16, left + 580, title_ends), top + 70)


def _names(rows: Sequence[str], right: float, top: float) -> list[str]:
    """What stands in front of a line: of what each row is."""
    return [
        LINE.format(right, top + HIGH * k + 15, f'text-anchor="end" fill="{color}"', escaped(name))
        for k, (name, color) in enumerate(
            [("reads", FAINT), *((row, INK) for row in rows), (NEXT, FAINT)]
        )
    ]


def _column(
    read: str, says: Sequence[str], coming: str, colors: np.ndarray, x: float, y: float, wide: float
) -> list[str]:
    """One position: what was read there, what each part answers on its colour, what comes."""
    size, parts = f'width="{wide - 1:.1f}" height="{HIGH - 1}"', []
    inks = [FAINT, *(["white" if _dark(color) else INK for color in colors.tolist()]), FAINT]
    for k, (red, green, blue, known) in enumerate(colors.tolist(), start=1):
        fill = f"#{red:02X}{green:02X}{blue:02X}" if known else "url(#ahead)"
        parts.append(f'<rect x="{x:.1f}" y="{y + HIGH * k}" {size} fill="{fill}"/>')
    for k, (label, ink) in enumerate(zip([read, *says, coming], inks, strict=True)):
        about = f'class="token" text-anchor="middle" fill="{ink}"'
        parts.append(LINE.format(x + wide / 2, y + HIGH * k + 15, about, escaped(label)))
    return parts


def _dark(color: Sequence[int]) -> bool:
    """Whether letters on a colour have to be light."""
    red, green, blue, known = color
    return bool(known) and 0.299 * red + 0.587 * green + 0.114 * blue <= LIGHT


def lens_table(found: LensMap, first: int = 0) -> str:
    """A map as CSV: a row for each part at each position, the positions counted from 1."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(TITLES)
    T = len(found.read)
    for at in range(T):
        for r, row in enumerate(found.rows):
            known = at + 1 < T
            lines.writerow(
                [
                    first + at + 1,
                    visible(found.read[at]),
                    row,
                    visible(found.likeliest[r][at]),
                    f"{found.prob[r, at]:.6f}",
                    visible(found.read[at + 1]) if known else "",
                    f"{found.true_prob[r, at]:.6f}" if known else "",
                    int(found.rank[r, at]) + 1 if known else "",
                    f"{found.entropy[r, at]:.6f}",
                    f"{found.kl[r, at]:.6f}",
                    "yes" if r >= found.decided[at] else "no",
                ]
            )
    return text.getvalue()
