"""One small run that a campaign breaks and mends, and what it has to be in the end."""

import os
import signal
import sqlite3
import time
from functools import cache
from pathlib import Path

import numpy as np
import safetensors.numpy
import torch

from minigpt import weights
from minigpt.config import GPTConfig, TrainConfig
from minigpt.corpus import LIBRARY
from minigpt.store import Store
from minigpt.tokenizers import CharTokenizer
from minigpt.trainer import Trainer
from tests.campaigns import faulty

STEPS = 400


def new_run(store: Store, steps: int = STEPS) -> str:
    text = LIBRARY["tales"].read()[:20_000]
    tokenizer = CharTokenizer.train(text)
    return store.create_run(
        "campaign",
        "trial",
        store.add_text("campaign", "tales", text),
        tokenizer.to_json(),
        GPTConfig(tokenizer.vocab_size, block_size=32, n_layer=1, n_head=2, n_embd=16),
        TrainConfig(max_steps=steps, batch_size=4, eval_interval=100, eval_batches=2),
    )


@cache
def warm_up() -> None:
    """Loads here, once, what torch loads at its first step, so that no fork has to."""
    torch.set_num_threads(1)  # a process with threads of OpenMP cannot be forked
    ids = np.arange(40) % 5
    shape = GPTConfig(5, block_size=4, n_layer=1, n_head=1, n_embd=4)
    Trainer(weights.new_model(shape, 1), ids, ids, TrainConfig(max_steps=1)).advance()


class Worker:
    """A worker process, forked from this one: a campaign of hundreds need not import torch for
    each. From there on it is the real one, with our end of its stdin to tell it that we live."""

    def __init__(self, folder: Path, *options: str) -> None:
        warm_up()
        reading, self._stdin = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                os.close(self._stdin)
                os.dup2(reading, 0)
                silence = os.open(os.devnull, os.O_WRONLY)
                os.dup2(silence, 1)
                os.dup2(silence, 2)
                os.environ |= {"MINIGPT_HOME": str(folder), "MINIGPT_THREADS": "1"}
                os._exit(faulty.main(options))
            finally:
                os._exit(1)
        os.close(reading)
        self._ended = False

    def is_alive(self) -> bool:
        if not self._ended:
            self._ended = os.waitpid(self._pid, os.WNOHANG) != (0, 0)
        return not self._ended

    def kill(self) -> None:
        if self.is_alive():
            os.kill(self._pid, signal.SIGKILL)
        self._leave()

    def end(self) -> None:
        """Ends it as its parent's end would."""
        self._leave()

    def _leave(self) -> None:
        os.close(self._stdin)
        wait_for(lambda: not self.is_alive())


def wait_for(condition, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not happen in time")
        time.sleep(0.02)


def wait_until_still(store: Store, run_id: str, seconds: float) -> None:
    """Waits until a run has begun to stand still, or has ended, for `seconds`."""
    before, since = None, time.monotonic()
    while time.monotonic() - since < seconds:
        run = store.run(run_id)
        if (run.state, run.step) != before:
            before, since = (run.state, run.step), time.monotonic()
        time.sleep(0.05)


def finish(store: Store, run_id: str) -> None:
    """Lets a good worker bring the run to its end."""
    worker = Worker(store.folder)
    wait_for(lambda: not store.run(run_id).active)
    worker.end()


def is_intact(folder: Path) -> bool:
    connection = sqlite3.connect(folder / "store.sqlite")
    (answer,) = connection.execute("PRAGMA integrity_check").fetchone()
    connection.close()
    return answer == "ok"


def outcome(store: Store, run_id: str) -> dict[str, np.ndarray]:
    """All that has to be the same however often the run was interrupted: all but the time."""
    step, state = store.checkpoint(run_id)
    tensors = safetensors.numpy.load(state)
    del tensors["seconds"]
    curves = store.curves(run_id)
    for name in ("step", "tokens", "train_loss", "val_loss", "lr", "grad_norm"):
        tensors[f"metrics.{name}"] = getattr(curves, name)
    for at in store.snapshot_steps(run_id):
        tensors |= {
            f"snapshots.{at}.{name}": tensor
            for name, tensor in safetensors.numpy.load(store.snapshot(run_id, at)).items()
        }
    samples = store.samples(run_id)
    tensors["samples"] = np.array([text for _, text in samples])
    tensors["sample_steps"] = np.array([at for at, _ in samples])
    tensors["checkpoint.step"] = np.array(step)
    return tensors


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(
        one[name].shape == other[name].shape and (one[name].tobytes() == other[name].tobytes())
        for name in one
    )


def reference(folder: Path) -> dict[str, np.ndarray]:
    """The outcome of the run that was never interrupted."""
    store = Store(folder)
    run_id = new_run(store)
    finish(store, run_id)
    return outcome(store, run_id)
