"""The process that trains all active runs, a slice of time each.

Started with `python -m minigpt.worker` by a `Supervisor`, whose end of our stdin tells us that it
lives: when it closes, even by kill -9, we save and leave. One worker a store, held by a file lock.
"""

import math
import os
import signal
import sys
import threading
import time
import traceback
from dataclasses import astuple, dataclass, field

import torch
from filelock import FileLock, Timeout

from minigpt import tokenizers, weights
from minigpt.config import InputError, SampleConfig
from minigpt.generation import generate
from minigpt.store import MetricsRow, Results, Run, State, Store, Wish, home
from minigpt.supervisor import lock_path
from minigpt.trainer import Diverged, Trainer

SLICE_SECONDS = 0.3  # how long a run trains before the next one has its turn
IDLE_SECONDS = 0.1  # how long to wait when nothing trains
CHECKPOINT_SECONDS = 30.0  # the most that a crash can cost
SAMPLE = SampleConfig(max_new_tokens=240, temperature=0.8)


def is_snapshot_step(step: int, max_steps: int) -> bool:
    """0, 1, 2, 3, 4, 6, 8, 11, …: powers of √2, rounded, and the last: 21 in a run of 1,000."""
    return step in (0, max_steps) or step == round(2 ** (round(2 * math.log2(step)) / 2))


@dataclass
class Training:
    """A run in memory: its trainer, and what was learned since the last write."""

    run: Run
    trainer: Trainer
    saved_at: float = field(default_factory=time.monotonic)
    metrics: list[MetricsRow] = field(default_factory=list)
    samples: list[tuple[int, str]] = field(default_factory=list)
    snapshots: list[tuple[int, bytes]] = field(default_factory=list)

    def slice(self, seconds: float) -> bool:
        """Trains for about `seconds`; False when there is nothing left to do."""
        end = time.monotonic() + seconds
        trainer = self.trainer
        if trainer.step == 0:
            self.snapshots.append((0, weights.snapshot_bytes(trainer.model)))
        for metrics in trainer:
            self.metrics.append(MetricsRow(*astuple(metrics)))
            if is_snapshot_step(metrics.step, self.run.train.max_steps):
                self.snapshots.append((metrics.step, weights.snapshot_bytes(trainer.model)))
            if metrics.step == 1 or metrics.step % self.run.train.eval_interval == 0:
                self.samples.append((metrics.step, self.sample()))
            if time.monotonic() >= end:
                break
        return trainer.step < self.run.train.max_steps

    def sample(self) -> str:
        """A text the model writes right now, always from the same start and the same chance."""
        tokenizer = tokenizers.load(self.run.tokenizer)
        prompt = tokenizer.encode("\n")
        if prompt == [tokenizer.unk_id]:
            prompt = self.trainer.train_ids[:1].tolist()
        steps = generate(self.trainer.model, prompt, SAMPLE)
        return tokenizer.decode([step.id for step in steps]).lstrip("\n")

    def results(self, *, checkpoint: bool, state: State | None = None, reason: str = "") -> Results:
        """What is to be written now; afterwards the memory of it is empty."""
        saved = None
        if checkpoint:
            saved = self.trainer.step, weights.to_bytes(self.trainer.state_dict())
            self.saved_at = time.monotonic()
        results = Results(self.metrics, self.samples, self.snapshots, saved, state, reason)
        self.metrics, self.samples, self.snapshots = [], [], []
        return results


class Worker:
    """Obeys the store's wishes and trains what runs, round-robin."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.trainings: dict[str, Training] = {}

    def turn(self) -> bool:
        """Obeys every wish and gives every running run one slice; False when none runs."""
        for run_id, state, wish in self.store.wishes():
            try:
                self.obey(run_id, state, wish)
            except Exception as error:  # noqa: BLE001 - one broken run must not stop the others
                self.fail(run_id, error)
        return bool(self.trainings)

    def obey(self, run_id: str, state: State, wish: Wish) -> None:
        """Brings one run towards its wish, by a slice of training where it is to run."""
        if wish == "deleted":
            self.trainings.pop(run_id, None)
            self.store.delete_run(run_id)
        elif wish == "running":
            if run_id not in self.trainings:
                self.start(run_id)
            self.train(self.trainings[run_id])
        elif state != wish:
            self.leave(run_id, wish)

    def start(self, run_id: str) -> None:
        """Takes a run into memory, at its newest checkpoint."""
        run = self.store.run(run_id)
        trainer = weights.new_trainer(self.store, run)
        self.store.rewind(run_id, trainer.step)
        self.trainings[run_id] = Training(run, trainer)
        self.store.record(run_id, Results(state="running"))

    def train(self, training: Training) -> None:
        run_id = training.run.id
        try:
            more = training.slice(SLICE_SECONDS)
        except Diverged as error:
            del self.trainings[run_id]
            self.store.record(
                run_id, training.results(checkpoint=True, state="diverged", reason=str(error))
            )
            return
        if more:
            due = time.monotonic() - training.saved_at >= CHECKPOINT_SECONDS
            self.store.record(run_id, training.results(checkpoint=due))
        else:
            del self.trainings[run_id]
            self.store.record(run_id, training.results(checkpoint=True, state="finished"))

    def leave(self, run_id: str, state: State) -> None:
        """Saves a run and takes it out of memory, paused or stopped."""
        training = self.trainings.pop(run_id, None)
        results = (
            training.results(checkpoint=True, state=state) if training else Results(state=state)
        )
        self.store.record(run_id, results)

    def fail(self, run_id: str, error: Exception) -> None:
        """Ends a run that cannot go on, with its reason; the details go to the log."""
        traceback.print_exception(error)
        self.trainings.pop(run_id, None)
        reason = str(error) if isinstance(error, InputError) else f"an error in minigpt: {error!r}"
        self.store.record(run_id, Results(state="failed", reason=reason))

    def save(self) -> None:
        """Checkpoints everything in memory; the runs go on from there with the next worker."""
        for run_id, training in self.trainings.items():
            self.store.record(run_id, training.results(checkpoint=True))
        self.trainings.clear()


def main() -> int:
    """Works until the parent closes our stdin (returns 0) or SIGTERM comes (143)."""
    folder = home()
    try:
        lock = FileLock(lock_path(folder)).acquire(timeout=0)
    except Timeout:
        return 0  # another worker serves this store
    ends = threading.Event()
    status = 0

    def on_sigterm(signum: int, frame: object) -> None:
        nonlocal status
        status = 128 + signum
        ends.set()

    def watch_parent() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass  # only the end of the pipe matters: it comes when the parent is gone
        ends.set()

    signal.signal(signal.SIGTERM, on_sigterm)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which closes our stdin
    threading.Thread(target=watch_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(5)  # pages stay responsive
    torch.set_flush_denormal(True)  # vanishing activations would slow the arithmetic tenfold
    with lock:
        worker = Worker(Store(folder))
        while not ends.is_set():
            if not worker.turn():
                ends.wait(IDLE_SECONDS)
        worker.save()
    return status


if __name__ == "__main__":
    sys.exit(main())
