"""kill -9 of the worker at random moments, every other time inside a write of the store.

    python -m tests.campaigns.kill_worker 200

After each kill the store has to be intact, and a new worker has to bring the run to the same
weights, optimizer state, metrics, snapshots and samples as one that was never interrupted.
"""

import argparse
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import safetensors.numpy

from minigpt.store import Store
from tests.campaigns import trial

WRITES = 1_000  # about so many writes a whole trial makes, a third of them of the marker


@dataclass
class Outcome:
    intact: bool
    same: bool
    recomputed: float  # seconds of training that were lost


def kill_once(folder: Path, rng: random.Random, inside_a_write: bool, expected: dict) -> Outcome:
    store = Store(folder)
    run_id = trial.new_run(store)
    if inside_a_write:
        worker = trial.Worker(folder, "--write", str(rng.randrange(1, WRITES)))
        trial.wait_for(lambda: not worker.is_alive() or not store.run(run_id).active)
    else:
        worker = trial.Worker(folder)
        trial.wait_for(lambda: store.run(run_id).step > 0)
        time.sleep(rng.uniform(0, 3))
    worker.kill()
    intact = trial.is_intact(folder)
    seconds, checkpoint = store.curves(run_id).seconds, store.checkpoint(run_id)
    saved = safetensors.numpy.load(checkpoint[1])["seconds"] if checkpoint else 0.0
    recomputed = float(seconds[-1] - saved) if len(seconds) else 0.0
    trial.finish(store, run_id)
    return Outcome(intact, trial.same(trial.outcome(store, run_id), expected), recomputed)


def campaign(count: int, seed: int) -> list[Outcome]:
    rng = random.Random(seed)
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        expected = trial.reference(Path(folder))
    for i in range(count):
        with tempfile.TemporaryDirectory() as folder:
            outcomes.append(kill_once(Path(folder), rng, bool(i % 2), expected))
        good = sum(outcome.intact and outcome.same for outcome in outcomes)
        print(f"{i + 1} kills, {good} without a trace", end="\r", flush=True)
    return outcomes


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("count", type=int, nargs="?", default=200)
    arguments.add_argument("--seed", type=int, default=1)
    args = arguments.parse_args()
    outcomes = campaign(args.count, args.seed)
    print(
        f"{len(outcomes)} kills: {sum(not outcome.intact for outcome in outcomes)} corrupt stores, "
        f"{sum(outcome.same for outcome in outcomes)} identical outcomes, "
        f"at most {max(outcome.recomputed for outcome in outcomes):.1f} s recomputed"
    )


if __name__ == "__main__":
    main()
