"""A disk that fails at the n-th write of the worker, n = 1, 2, …: full (ENOSPC) or broken (EIO).

    python -m tests.campaigns.disk 60

Whatever it writes: the store, the marker of its step, the log. The disk fails for a few writes, or
for good until the worker is killed. The newest checkpoint has to load at any time, and once the
disk works again the run has to end as one that never met a fault.
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

from minigpt.engine.jobs import job_of
from minigpt.store import Store
from tests.campaigns import trial

FOR_GOOD = 1_000_000_000
FEW = 4
LOOK_SECONDS = 1.5  # how long a worker without a disk is left alone


@dataclass
class Outcome:
    intact: bool
    loads: bool
    same: bool


def checkpoint_loads(store: Store, run_id: str) -> bool:
    run, saved = store.run(run_id), store.checkpoint(run_id)
    return saved is None or job_of(store, run).trainer().step == saved[0]


def fail_once(folder: Path, write: int, fault: str, times: int, expected: dict) -> Outcome:
    store = Store(folder)
    run_id = trial.new_run(store)
    options = ["--write", str(write), "--fault", fault, "--times", str(times)]
    worker = trial.Worker(folder, *options)
    if times == FOR_GOOD:
        trial.wait_until_still(store, run_id, LOOK_SECONDS)
    else:
        trial.wait_for(lambda: not store.run(run_id).active)
    loads = checkpoint_loads(store, run_id)
    worker.kill()
    intact = trial.is_intact(folder)
    loads &= checkpoint_loads(store, run_id)
    trial.finish(store, run_id)
    return Outcome(intact, loads, trial.same(trial.outcome(store, run_id), expected))


def campaign(writes: list[int]) -> list[Outcome]:
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        expected = trial.reference(Path(folder))
    for i, write in enumerate(writes):
        # All four of full or broken, for a while or for good, come equally often.
        fault, times = ("ENOSPC", "EIO")[i % 2], (FEW, FOR_GOOD)[i // 2 % 2]
        with tempfile.TemporaryDirectory() as folder:
            outcomes.append(fail_once(Path(folder), write, fault, times, expected))
        print(f"{i + 1} faults, last at write {write}", end="\r", flush=True)
    return outcomes


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("count", type=int, nargs="?", default=60)
    args = arguments.parse_args()
    outcomes = campaign(list(range(1, args.count + 1)))
    corrupt = sum(not outcome.intact for outcome in outcomes)
    print(
        f"{len(outcomes)} faults: {corrupt} corrupt stores, "
        f"{sum(outcome.loads for outcome in outcomes)} checkpoints that loaded, "
        f"{sum(outcome.same for outcome in outcomes)} identical outcomes"
    )


if __name__ == "__main__":
    main()
