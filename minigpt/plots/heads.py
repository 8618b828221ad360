"""Attention, one head large or all of them at a glance, on the way to a browser or a file."""

import csv
import io
from collections.abc import Sequence
from typing import Literal

import numpy as np

from minigpt.tokenizers.visible import shortened, visible

EARLIER = "earlier"
LABEL_COLUMNS = 10  # of a letter's width each; a longer label is cut
MOST_ROWS = 512  # of a map
MOST_PIXELS = 64  # of a small picture's side
SLACK = 1e-3  # by which a weight may be out of its range, for it was rounded on its way
Kind = Literal["share", "norm", "difference"]  # of what a map shows; the first sum to 1 in a row


def thumbnail(patterns: np.ndarray, most: int = MOST_PIXELS) -> np.ndarray:
    """Maps (…, N, T) as small pictures, uint8 (…, S, S) with S = min(N, `most`): of each block of a
    map, its maximum.

    0 stands where nobody can look: ahead; 1 to 255 are the weights 0 to 1, whatever a head's own
    maximum. Of the columns are shown those that the large map shows: where N < T, one for all that
    lies further back, and the newest N.
    """
    N, T = patterns.shape[-2:]
    shown = np.where(np.tri(N, dtype=bool), patterns[..., T - N :], -1)
    if N < T:
        shown = np.concatenate([further_back(patterns), shown], axis=-1)
    side = min(N, most)
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


def further_back(patterns: np.ndarray) -> np.ndarray:
    """What the newest N of T tokens give to those before them: (…, N, 1) of patterns (…, N, T)."""
    N, T = patterns.shape[-2:]
    return patterns[..., : T - N].sum(axis=-1, keepdims=True)


def short(label: str) -> str:
    """A label cut to what fits beside a map."""
    return shortened(label, LABEL_COLUMNS)
