"""Whose is how much of the disk, and what goes first when it is spent.

The disk is shared like water among vessels: each workspace may hold what it likes up to one level,
the same for all, at which the disk is full (max-min fairness; Bertsekas & Gallager, *Data
Networks*, 1992, section 6.5.2). Whoever holds less than that never makes room for who holds more.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Holding:
    """A text or a run, and the bytes of it that count as its workspace's: of a text that several
    hold, each has an equal part."""

    kind: Literal["text", "run"]
    id: str
    workspace: str
    bytes: int
    seen_at: float  # when somebody last looked at the run; since when the text lies on the shelf
    idle: bool  # it may go: an ended run, or a text that no run of its workspace uses


def held(holdings: Iterable[Holding]) -> Counter[str]:
    """How many bytes each workspace holds."""
    bytes_of: Counter[str] = Counter()
    for holding in holdings:
        bytes_of[holding.workspace] += holding.bytes
    return bytes_of


def share(amounts: Collection[int], room: int) -> int:
    """The level up to which `room` bytes fill vessels that would hold these amounts; `room` itself
    where all of them fit.

    >>> share([1, 10, 10], 15), share([1, 2, 3], 15)
    (7, 15)
    """
    left, vessels = max(0, room), len(amounts)
    for amount in sorted(amounts):
        if amount * vessels > left:
            return left // vessels
        left, vessels = left - amount, vessels - 1
    return room


def to_go(
    holdings: Iterable[Holding],
    wanted: int,
    stages: Iterable[tuple[Callable[[Holding], bool], float]],
) -> list[Holding]:
    """What goes, first things first, so that `wanted` bytes become free; less where there is less.

    Each stage says what of all that is idle may go, and down to which level: of whoever holds most
    the largest, and of equals what was seen longest ago, until all who have something of that kind
    are down there.
    """
    by_size = sorted(holdings, key=lambda holding: (holding.bytes, -holding.seen_at))
    bytes_of, going = held(by_size), {}
    for may_go, level in stages:
        left: defaultdict[str, list[Holding]] = defaultdict(list)
        for holding in by_size:
            if holding.idle and holding.bytes and holding not in going and may_go(holding):
                left[holding.workspace].append(holding)
        while wanted > 0:
            above = [name for name, things in left.items() if things and bytes_of[name] > level]
            if not above:
                break
            largest = max(above, key=lambda name: (bytes_of[name], -left[name][-1].seen_at))
            holding = left[largest].pop()
            going[holding] = None  # a dict keeps the order
            bytes_of[largest] -= holding.bytes
            wanted -= holding.bytes
    return list(going)
