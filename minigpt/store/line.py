"""How long a run in line has to wait."""

import math
from dataclasses import dataclass

from minigpt.store.places import holder
from minigpt.store.store import Store

STINT_SECONDS = 60.0  # after so long a run makes room for somebody who has none


@dataclass(frozen=True)
class Wait:
    """A place in line."""

    position: int  # 1 is next
    seconds: float | None  # about how long until its turn; None when nothing can be told yet


def wait(store: Store, run_id: str) -> Wait | None:
    """Where a queued run stands; None when it is not in line.

    n running runs share the machine evenly and each that ends is replaced by one in line, so the
    k-th of them to end does so after n times its own time left. Whoever has no run that trains
    waits no longer than until the n have each made room once for those before.
    """
    line = store.places()
    if run_id not in line:
        return None
    position = line.index(run_id) + 1
    running = store.running()
    own = holder(run_id, store.run(run_id).workspace)
    has_none = running and own not in {holder(run.id, run.workspace) for run in running}
    longest = STINT_SECONDS * math.ceil(position / len(running)) if has_none else math.inf
    rates = [(run, store.seconds_per_step(run.id)) for run in running]
    left = sorted((run.train.max_steps - run.step) * rate for run, rate in rates if rate)
    if not left or len(left) < len(running):
        return Wait(position, longest if has_none else None)
    rounds, place = divmod(position - 1, len(left))
    return Wait(position, min(longest, (rounds + 1) * len(left) * left[place]))
