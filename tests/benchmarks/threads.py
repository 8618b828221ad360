"""One worker on all cores, or one worker a core? Tokens/s of both, in turns.

    python -m tests.benchmarks.threads

For a run alone the first is what counts, for a class the total. Results of a run depend on its
number of threads in the last bits, so a worker cannot change it while runs come and go.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

import numpy as np
import torch

from minigpt.model import new_model
from minigpt.recipes import PRESETS
from minigpt.trainer import Trainer

VOCABULARY = 65


def tokens_per_second(preset_name: str, threads: int, seconds: float) -> float:
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    preset = PRESETS[preset_name]
    ids = np.random.default_rng(0).integers(3, VOCABULARY, 100_000)
    config = preset.train.replace(max_steps=100_000, eval_interval=100_000)
    trainer = Trainer(new_model(preset.model(VOCABULARY), 1), ids, ids[:0], config)
    for _ in range(5):
        trainer.advance()
    start, before = time.perf_counter(), trainer.step
    while time.perf_counter() - start < seconds:
        metrics = trainer.advance()
    return (trainer.step - before) / metrics.step * metrics.tokens / (time.perf_counter() - start)


def in_processes(preset: str, processes: int, threads: int, seconds: float) -> float:
    """Tokens/s of so many processes at once, together."""
    command = [sys.executable, "-m", "tests.benchmarks.threads", "--one", preset, str(threads)]
    command += ["--seconds", str(seconds)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(processes)]
    return sum(float(process.communicate()[0]) for process in running)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=8)
    arguments.add_argument("--one", nargs=2, metavar=("PRESET", "THREADS"), help="used by itself")
    args = arguments.parse_args()
    if args.one:
        print(tokens_per_second(args.one[0], int(args.one[1]), args.seconds))
        return
    cores = os.cpu_count()
    for preset in ("classic", "gpt2", "modern"):
        rounds = [
            (
                in_processes(preset, 1, cores, args.seconds),
                in_processes(preset, 1, 1, args.seconds),
                in_processes(preset, cores, 1, args.seconds),
            )
            for _ in range(args.rounds)
        ]
        whole, one, each = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(
            f"{preset}: 1 × {cores} threads {whole:,.0f} tokens/s, 1 × 1 thread {one:,.0f}, "
            f"{cores} × 1 thread {each:,.0f} together"
        )


if __name__ == "__main__":
    main()
