"""A large run cut into parts that are written one by one, so that others can write in between."""

from collections.abc import Iterator
from dataclasses import replace

from minigpt.metrics import Results

PART_BYTES = 8_000_000  # about a tenth of a second of writing; a single larger thing is one part
PART_STEPS = 10_000  # whose metrics take as long


def size(results: Results) -> int:
    """Bytes of the weights in these results."""
    checkpoint = [results.checkpoint] if results.checkpoint else []
    return sum(len(weights) for _, weights in [*results.snapshots, *checkpoint])


def is_large(results: Results) -> bool:
    return size(results) > PART_BYTES or len(results.metrics) > PART_STEPS


def parts(results: Results) -> Iterator[Results]:
    """The results in the order of their kinds; the last part, and none before, has their state."""
    rows = results.metrics
    for start in range(0, len(rows), PART_STEPS):
        yield Results([rows[i] for i in range(start, min(start + PART_STEPS, len(rows)))])
    some: list[tuple[int, bytes]] = []
    for snapshot in results.snapshots:
        if some and size(Results(snapshots=[*some, snapshot])) > PART_BYTES:
            yield Results(snapshots=some)
            some = []
        some.append(snapshot)
    yield Results(snapshots=some)
    if results.checkpoint:
        yield Results(checkpoint=results.checkpoint)
    yield replace(results, metrics=(), snapshots=(), checkpoint=None)
