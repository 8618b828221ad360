"""How long something takes."""

import statistics
import time
from collections.abc import Callable


def timed(action: Callable[[], object], rounds: int) -> float:
    """The median of so many rounds, in seconds."""
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
