"""What a text looks like in numbers."""

from dataclasses import dataclass

import numpy as np

PASSAGE = 32  # characters; a power of two
FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd and without pattern: 2⁶⁴ over the golden ratio


@dataclass(frozen=True)
class Statistics:
    """Counts of one text; `repetition` is a share, 0 to 1."""

    characters: int
    lines: int
    distinct: int
    repetition: float


def describe(text: str) -> Statistics:
    """The statistics of a text of any length, in time linear in it but for one sort."""
    points = code_points(text)
    return Statistics(
        characters=len(text),
        lines=text.count("\n") + (not text.endswith("\n")),
        distinct=int(np.count_nonzero(np.bincount(points))) if len(points) else 0,
        repetition=repetition(points),
    )


def code_points(text: str) -> np.ndarray:
    """uint32 (n,), one per character."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def repetition(points: np.ndarray) -> float:
    """The share of passages of PASSAGE characters that have stood in the text before.

    points: (n,). 0 for a text shorter than a passage. Each passage is known by its polynomial hash
    (Rabin & Karp 1987) modulo 2⁶⁴, made by doubling: hash(2k) = hash(k) · FACTORᵏ + hash(k).
    """
    if len(points) <= PASSAGE:
        return 0.0
    hashes, length, power = points.astype(np.uint64) + np.uint64(1), 1, FACTOR
    with np.errstate(over="ignore"):  # that is the modulus
        while length < PASSAGE:
            hashes = hashes[:-length] * power + hashes[length:]
            length, power = 2 * length, power * power
    hashes.sort()  # many times faster than np.unique, which would hash the hashes
    return float(np.count_nonzero(hashes[1:] == hashes[:-1]) / len(hashes))
