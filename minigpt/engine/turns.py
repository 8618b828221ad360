"""Whose turn it is: which of the runs in memory trains next, for how long, and whether one more
fits beside them."""

from collections.abc import Collection, Iterable

from minigpt import memory
from minigpt.engine.training import Training
from minigpt.limits import Limits
from minigpt.memory import Memory
from minigpt.store import EVERYONE, Run

SLICE_SECONDS = 0.3  # how long a run trains before the next one has its turn
ROUND_SECONDS = 3.0  # with many runs slices are shorter, so that each has its turn this often
LEAST_SLICE_SECONDS = 0.1  # shorter ones would spend too much on writing
CATCH_UP_SECONDS = 3.0  # of processor time that a newcomer may have before the others


def slice_seconds(runs: int) -> float:
    """How long each of so many runs trains before the next one has its turn."""
    return max(LEAST_SLICE_SECONDS, min(SLICE_SECONDS, ROUND_SECONDS / max(runs, 1)))


def next_of(trainings: Iterable[Training]) -> Training:
    """The run that has had the least time."""
    return min(trainings, key=lambda training: training.seconds)


def seconds_of_newcomer(trainings: Iterable[Training]) -> float:
    """The time that a run begins with: who comes a little later than the others of a class catches
    up with them."""
    least = min((training.seconds for training in trainings), default=0.0)
    return max(0.0, least - CATCH_UP_SECONDS)


def has_room(run: Run, takes: Memory, trainings: Collection[Training], limits: Limits) -> bool:
    """Whether a run that takes so much may train beside these: there is memory, and a place for
    it, which a single step does not need."""
    jobs = [training.job for training in trainings]
    own = [job for job in jobs if job.workspace == run.workspace != EVERYONE]
    if run.pause_at is None and (
        len(jobs) >= limits.max_running or len(own) >= limits.max_running_per_workspace
    ):
        return False
    all_take = [takes, *(training.takes for training in trainings)]
    return memory.together(all_take) <= 1_000_000 * limits.max_running_mb
