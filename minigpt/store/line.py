"""How long a run in line has to wait."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from minigpt import memory
from minigpt.limits import Limits
from minigpt.store.places import holder
from minigpt.store.records import Run
from minigpt.store.store import Store

STINT_SECONDS = 60.0  # after so long a run makes room for somebody who has none


@dataclass(frozen=True)
class Wait:
    """A place in line."""

    position: int  # 1 is next
    seconds: float | None  # about how long until its turn; None when that cannot be told
    unclear: str = ""  # why it cannot, where the end of any one run would not let it begin


def wait(store: Store, run_id: str, limits: Limits | None = None) -> Wait | None:
    """Where a queued run stands; None when it is not in line.

    Of a run that the end of any one other would not let begin, for its memory or for how many its
    workspace has, no time is told: others go before it, and for which it waits is open.

    n running runs share the machine evenly and each that ends is replaced by one in line, so the
    k-th of them to end does so after n times its own time left. Whoever has no run that trains
    waits no longer than until the n have each made room once for those before.
    """
    line = store.places()
    if run_id not in line:
        return None
    position = line.index(run_id) + 1
    running = store.running()
    run = store.run(run_id)
    if why := _unclear(store, run, running, limits or Limits.from_environment()):
        return Wait(position, None, why)
    own = holder(run_id, run.workspace)
    has_none = running and own not in {holder(run.id, run.workspace) for run in running}
    longest = STINT_SECONDS * math.ceil(position / len(running)) if has_none else math.inf
    rates = [(run, store.seconds_per_step(run.id)) for run in running]
    left = sorted((run.train.max_steps - run.step) * rate for run, rate in rates if rate)
    if not left or len(left) < len(running):
        return Wait(position, longest if has_none else None)
    rounds, place = divmod(position - 1, len(left))
    return Wait(position, min(longest, (rounds + 1) * len(left) * left[place]))


def _unclear(store: Store, run: Run, running: Sequence[Run], limits: Limits) -> str:
    """Why a run may not begin once any one of those that train has ended, whichever it is; empty
    where it may."""
    who = holder(run.id, run.workspace)
    own = sum(holder(other.id, other.workspace) == who for other in running)
    if limits.max_running_per_workspace <= own < len(running):
        return "one of this workspace's own runs has to end first"
    takes, *others = (
        memory.of_run(each.model, each.train, store.tokens(each)) for each in [run, *running]
    )
    beside = [others[:i] + others[i + 1 :] for i in range(len(others))]
    room = 1_000_000 * limits.max_running_mb
    fits = all(memory.together([takes, *staying]) <= room for staying in beside)
    return "" if fits else "it takes the memory of more than one of those that train"
