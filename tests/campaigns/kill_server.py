"""kill -9 of the server while a run trains: no orphan may stay, and no run may be lost.

python -m tests.campaigns.kill_server 50
"""

import argparse
import asyncio
import random
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from minigpt.store import Store
from tests.benchmarks.viewers import Viewer
from tests.campaigns import trial
from tests.servers import app_server, is_worker

ORPHAN_SECONDS = 5.0
MANY_STEPS = 100_000


@dataclass
class Outcome:
    gone_after: float  # seconds until the worker had ended
    listed: bool
    resumed: bool


def look(address: str, run_id: str) -> None:
    """One look at the run's page, in a thread of its own: this one may have an event loop."""
    with ThreadPoolExecutor() as thread:
        thread.submit(asyncio.run, Viewer(run_id).watch(address, 0, 0)).result()


def kill_once(folder: Path, rng: random.Random) -> Outcome:
    store = Store(folder)
    run_id = trial.new_run(store, steps=MANY_STEPS)
    with app_server(folder) as server:
        look(server.address, run_id)
        trial.wait_for(lambda: store.run(run_id).step > 0)
        (worker,) = server.workers()
        time.sleep(rng.uniform(0, 1))
        server.process.kill()
        killed = time.monotonic()
        while is_worker(worker) and time.monotonic() < killed + 3 * ORPHAN_SECONDS:
            time.sleep(0.02)
        gone_after = time.monotonic() - killed
    before = store.run(run_id)
    listed = before.id in [run.id for run in store.runs("campaign")]
    with app_server(folder) as server:
        look(server.address, run_id)
        trial.wait_for(lambda: store.run(run_id).step > before.step)
        workers = server.workers()
    store.wish(run_id, "deleted")
    # Its server has ended; it saves and leaves after that, and the folder is to stay until then.
    trial.wait_for(lambda: not any(map(is_worker, workers)))
    return Outcome(gone_after, listed, True)


def campaign(count: int, seed: int) -> list[Outcome]:
    rng = random.Random(seed)
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        for i in range(count):
            outcomes.append(kill_once(Path(folder), rng))
            print(f"{i + 1} kills", end="\r", flush=True)
    return outcomes


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("count", type=int, nargs="?", default=50)
    arguments.add_argument("--seed", type=int, default=1)
    args = arguments.parse_args()
    outcomes = campaign(args.count, args.seed)
    latest = max(outcome.gone_after for outcome in outcomes)
    print(
        f"{len(outcomes)} kills: {sum(outcome.gone_after > ORPHAN_SECONDS for outcome in outcomes)}"
        f" orphans after {ORPHAN_SECONDS:g} s (the last worker was gone after {latest:.1f} s), "
        f"{sum(outcome.listed and outcome.resumed for outcome in outcomes)} runs listed and resumed"
    )


if __name__ == "__main__":
    main()
