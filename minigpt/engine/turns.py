"""Whose turn it is: which of the runs in memory trains next, for how long, whether one more fits
beside them, and which goes back to the line for one that waits."""

from collections import Counter
from collections.abc import Collection

from minigpt import memory
from minigpt.engine.training import Training
from minigpt.limits import Limits
from minigpt.memory import Memory
from minigpt.store import STINT_SECONDS, Run, holder

SLICE_SECONDS = 0.3  # how long a run trains before the next one has its turn
ROUND_SECONDS = 3.0  # with many runs slices are shorter, so that each has its turn this often
LEAST_SLICE_SECONDS = 0.1  # shorter ones would spend too much on writing
CATCH_UP_SECONDS = 3.0  # of processor time that a newcomer may have before the others


def slice_seconds(runs: int) -> float:
    """How long each of so many runs trains before the next one has its turn."""
    return max(LEAST_SLICE_SECONDS, min(SLICE_SECONDS, ROUND_SECONDS / max(runs, 1)))


def who(run: Run | Training) -> str:
    """Whose share of the machine a run takes."""
    job = run.job if isinstance(run, Training) else run
    return holder(job.id, job.workspace)


class Turns:
    """Shares time among workspaces first, then among the runs of each: who had least is next."""

    def __init__(self) -> None:
        self._had: dict[str, float] = {}  # seconds of the processor

    def join(self, training: Training, others: Collection[Training]) -> None:
        """Lets a run begin a little before the others: who comes a little later than the rest of a
        class catches up with them."""
        self._had = {who(other): self._had[who(other)] for other in others}
        own = [other.seconds for other in others if who(other) == who(training)]
        training.seconds = _newcomer(own)
        if not own:
            self._had[who(training)] = _newcomer(self._had.values())

    def next_of(self, trainings: Collection[Training]) -> Training:
        return min(trainings, key=lambda training: (self._had[who(training)], training.seconds))

    def spend(self, training: Training, seconds: float) -> None:
        training.seconds += seconds
        self._had[who(training)] += seconds


def _newcomer(had: Collection[float]) -> float:
    return max(0.0, min(had, default=0.0) - CATCH_UP_SECONDS)


def has_place(run: Run, trainings: Collection[Training], limits: Limits) -> bool:
    """Whether there are fewer runs than may train at once, of all and of its workspace; a single
    step needs no place."""
    own = sum(who(training) == who(run) for training in trainings)
    return run.pause_at is not None or (
        len(trainings) < limits.max_running and own < limits.max_running_per_workspace
    )


def has_room(run: Run, takes: Memory, trainings: Collection[Training], limits: Limits) -> bool:
    """Whether a run that takes so much memory may train beside these."""
    all_take = [takes, *(training.takes for training in trainings)]
    fits = memory.together(all_take) <= 1_000_000 * limits.max_running_mb
    return fits and has_place(run, trainings, limits)


def who_makes_room(
    run: Run, takes: Memory, trainings: Collection[Training], limits: Limits, waited: float
) -> list[Training]:
    """Which of these go back to the line for a run that has waited so many seconds; none where
    that would be unfair or would not help.

    Whoever has two runs more than its workspace makes room at once: they still have as many. A
    workspace that has none takes its turn of what others have, after a while for each of them.
    """
    staying, going = list(trainings), []
    have = Counter(map(who, staying))
    own = have[who(run)]

    def may_go(training: Training) -> bool:
        has = have[who(training)]
        if training.job.pause_at is not None or who(training) == who(run):
            return False
        return has > own + 1 or (own == 0 and training.age >= STINT_SECONDS)

    while not has_room(run, takes, staying, limits):
        if not (able := [training for training in staying if may_go(training)]):
            return []
        first = max(able, key=lambda training: (have[who(training)], training.age))
        staying.remove(first)
        going.append(first)
        have[who(first)] -= 1
    for training in list(going):  # some may not have been needed
        if has_room(run, takes, [*staying, training], limits):
            staying.append(training)
            going.remove(training)
    robbed = {who(training) for training in going} - {who(training) for training in staying}
    return going if waited >= STINT_SECONDS * len(robbed) else []
