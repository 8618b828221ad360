"""What a text looks like in numbers."""

import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

PASSAGE = 32  # characters; a power of two
AT_ONCE, MOST_HASHES = 1 << 18, 1 << 21  # in memory: characters and their hashes
FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd and without pattern: 2⁶⁴ over the golden ratio


@dataclass(frozen=True)
class Statistics:
    """Counts of one text; `repetition` is a share, 0 to 1."""

    characters: int
    lines: int
    distinct: int
    repetition: float
    forms: "Forms"


@dataclass(frozen=True)
class Forms:
    """How a text writes letters that can be one character or several, like ü."""

    several: int  # so many of them as several characters
    one: int  # of the same letters, so many as one
    example: str  # one written as several; empty where none is


def describe(text: str) -> Statistics:
    """The statistics of a text of any length, in time linear in it but for one sort."""
    return Statistics(
        characters=len(text),
        lines=text.count("\n") + (not text.endswith("\n")),
        distinct=len(set(text)),
        repetition=repetition(code_points(text)),
        forms=forms(text),
    )


def forms(text: str) -> Forms:
    """Counts the letters that Unicode's NFC would write as one character."""
    if unicodedata.is_normalized("NFC", text):
        return Forms(0, 0, "")
    found: dict[str, int] = {}
    for letter in _letters().findall(text):
        found[letter] = found.get(letter, 0) + 1
    found = {
        letter: n for letter, n in found.items() if unicodedata.normalize("NFC", letter) != letter
    }
    if not found:
        return Forms(0, 0, "")
    composed = {unicodedata.normalize("NFC", letter) for letter in found}
    one = sum(text.count(letter) for letter in composed if len(letter) == 1)
    return Forms(sum(found.values()), one, max(found, key=found.get))


def _composed(letter: str) -> str:
    return unicodedata.normalize("NFC", letter)


@cache
def _letters() -> re.Pattern:
    """A character and the marks behind it, or the parts of a syllable of Hangul."""
    marks = "".join(c for c in map(chr, range(sys.maxunicode)) if unicodedata.combining(c))
    return re.compile(f"[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?|.[{marks}]+", re.DOTALL)


def code_points(text: str) -> np.ndarray:
    """uint32 (n,), one per character."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def repetition(points: np.ndarray) -> float:
    """The share of passages of PASSAGE characters that have stood in the text before.

    points: (n,). 0 for a text shorter than a passage. Each passage is known by its polynomial hash
    (Rabin & Karp 1987) modulo 2⁶⁴, made by doubling: hash(2k) = hash(k) · FACTORᵏ + hash(k). Of a
    long text, hashes that end alike are counted at a time, which bounds the memory.
    """
    if len(points) <= PASSAGE:
        return 0.0
    passages = len(points) - PASSAGE + 1
    kinds = np.uint64(-(-passages // MOST_HASHES))
    repeated = 0
    for kind in np.arange(kinds):
        hashes = np.concatenate([part[part % kinds == kind] for part in _hashes(points)])
        hashes.sort()  # many times faster than np.unique, which would hash the hashes
        repeated += np.count_nonzero(hashes[1:] == hashes[:-1])
    return float(repeated / passages)


def _hashes(points: np.ndarray) -> Iterator[np.ndarray]:
    """The hash of each passage, uint64, a part of the text at a time."""
    for start in range(0, len(points) - PASSAGE + 1, AT_ONCE):
        part = points[start : start + AT_ONCE + PASSAGE - 1]
        hashes, length, power = part.astype(np.uint64) + np.uint64(1), 1, FACTOR
        with np.errstate(over="ignore"):  # that is the modulus
            while length < PASSAGE:
                hashes = hashes[:-length] * power + hashes[length:]
                length, power = 2 * length, power * power
        yield hashes


def distinct_pairs(ids: Sequence[int]) -> float | None:
    """How many of a text's pairs of neighbouring tokens are different ones, as a share, 0 to 1
    (distinct-2; Li et al. 2016); None where there is no pair.

    >>> distinct_pairs([1, 2, 1, 2, 1])
    0.5
    """
    pairs = list(pairwise(ids))
    return len(set(pairs)) / len(pairs) if pairs else None
