"""A class at work: many runs at once, their fairness, their total speed, and the memory they take.

    python -m tests.benchmarks.classroom --runs 30 --seconds 60

Starts a worker as the app does, one run alone first, then so many within five seconds.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from minigpt import tokenizers
from minigpt.corpus import LIBRARY
from minigpt.engine.supervisor import Supervisor
from minigpt.recipes import PRESETS
from minigpt.store import LIBRARY_SHELF, Store

FIRST_SECONDS = 5.0  # within which everybody presses Start


def new_run(store: Store, seed: int) -> str:
    text = LIBRARY["tales"].read()
    tokenizer = tokenizers.CharTokenizer.train(text)
    text_id = store.add_text(LIBRARY_SHELF, "tales", text)
    preset = PRESETS["classic"]
    return store.create_run(
        f"pupil {seed}", f"run {seed}", text_id, tokenizer.to_json(),
        preset.model(tokenizer.vocab_size),
        preset.train.replace(max_steps=100_000, seed=seed),
    )  # fmt: skip


def memory_mb(pid: int) -> float:
    """What the process alone has in memory, shared pages in proportion."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"no Pss of process {pid}")


def tokens_done(store: Store, runs: list[str]) -> list[int]:
    done = []
    for run_id in runs:
        run = store.run(run_id)
        done.append(run.step * run.train.batch_size * run.model.block_size)
    return done


def measure(runs: int, seconds: float) -> dict[str, float]:
    """First point, fairness, total tokens/s against one run alone, and the worker's memory."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        with Supervisor(store.folder) as supervisor:
            alone = new_run(store, 0)
            while store.run(alone).step < 20:
                time.sleep(0.1)
            before, start = sum(tokens_done(store, [alone])), time.monotonic()
            time.sleep(seconds / 2)
            speed_alone = (sum(tokens_done(store, [alone])) - before) / (time.monotonic() - start)
            store.wish(alone, "deleted")

            ids, started, first = [], {}, {}
            begin = time.monotonic()
            before, measured_from = [0] * runs, begin
            while time.monotonic() - begin < seconds + FIRST_SECONDS:
                if len(ids) < runs and time.monotonic() - begin >= len(ids) * FIRST_SECONDS / runs:
                    ids.append(new_run(store, len(ids)))
                    started[ids[-1]] = time.monotonic()
                for run_id in ids:
                    if run_id not in first and store.run(run_id).step:
                        first[run_id] = time.monotonic() - started[run_id]
                if len(first) == runs and not any(before):
                    before, measured_from = tokens_done(store, ids), time.monotonic()
                time.sleep(0.05 if len(first) < runs else 1.0)
            done, end = tokens_done(store, ids), time.monotonic()
            print([d // 2048 for d in done])
            speed = (sum(done) - sum(before)) / (end - measured_from)
            return {
                "latest first point, s": max(first.values()),
                "slowest / fastest": min(done) / max(done),
                "tokens/s, all": speed,
                "tokens/s, one alone": speed_alone,
                "all / alone": speed / speed_alone,
                "worker's memory, MB": memory_mb(supervisor._worker.pid),
            }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--runs", type=int, default=30)
    arguments.add_argument("--seconds", type=float, default=60)
    args = arguments.parse_args()
    os.environ["MINIGPT_MAX_RUNNING"] = str(max(args.runs, 32))
    for name, value in measure(args.runs, args.seconds).items():
        print(f"{name}: {value:,.2f}")


if __name__ == "__main__":
    main()
