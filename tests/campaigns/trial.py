"""One small run that a campaign breaks and mends, and what it has to be in the end."""

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import safetensors.numpy

from minigpt.config import GPTConfig, TrainConfig
from minigpt.corpus import LIBRARY
from minigpt.store import Store
from minigpt.tokenizers import CharTokenizer

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


def start_worker(folder: Path, *options: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.campaigns.faulty", *options],
        env={**os.environ, "MINIGPT_HOME": str(folder), "MINIGPT_THREADS": "1"},
        cwd=Path(__file__).resolve().parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


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
    worker = start_worker(store.folder)
    wait_for(lambda: not store.run(run_id).active)
    worker.stdin.close()
    worker.wait()


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
