"""How long a run in line has to wait."""

from dataclasses import dataclass

from minigpt.store.store import Store


@dataclass(frozen=True)
class Wait:
    """A place in line."""

    position: int  # 1 is next
    seconds: float | None  # about how long until its turn; None when nothing can be told yet


def wait(store: Store, run_id: str) -> Wait | None:
    """Where a queued run stands; None when it is not in line.

    n running runs share the machine evenly and each that ends is replaced by one in line, so the
    k-th of them to end does so after n times its own time left.
    """
    line = [run.id for run in store.line()]
    if run_id not in line:
        return None
    position = line.index(run_id) + 1
    running = store.running()
    rates = [(run, store.seconds_per_step(run.id)) for run in running]
    left = sorted((run.train.max_steps - run.step) * rate for run, rate in rates if rate)
    if not left or len(left) < len(running):
        return Wait(position, None)
    rounds, place = divmod(position - 1, len(left))
    return Wait(position, (rounds + 1) * len(left) * left[place])
