"""Two processes train one run, as torchrun starts them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from minigpt.engine.jobs import job_of
from minigpt.store import EVERYONE, Store

ROOT = Path(__file__).resolve().parents[1]
TALES = str(ROOT / "assets" / "tales.txt")
TINY = [
    "--preset=speedrun", "--n-embd=16", "--n-layer=1", "--block-size=16", "--batch-size=8",
    "--eval-interval=25",
]  # fmt: skip


def job(home: Path, *arguments: str) -> subprocess.Popen:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return subprocess.Popen(
        [*launcher, "--nproc-per-node", "2", "-m", "minigpt", "train", *arguments],
        cwd=ROOT,
        env={**os.environ, "MINIGPT_HOME": str(home), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def the_run(home: Path) -> tuple[Store, str]:
    store = Store(home)
    (run,) = (run for run in store.runs(EVERYONE) if not run.id.startswith("demo"))
    return store, run.id


def test_two_processes_give_the_curve_of_one(tmp_path):
    home = tmp_path / "home"
    # Heads that look sharply would make much of the last bits, which differ by how a sum is split.
    dull = ["--qk-gain", "0"]
    done = job(home, TALES, *TINY, *dull, "--steps", "50", "--accumulation-steps", "2", "--json")
    out, errors = done.communicate(timeout=120)
    assert done.returncode == 0, errors
    assert out.count('"state": "finished"') == 1, "rank 0 alone tells"
    store, run_id = the_run(home)
    run, curves = store.run(run_id), store.curves(run_id)
    assert run.state == "finished" and len(curves.step) == 50
    assert store.samples(run_id) and store.snapshot_steps(run_id)[-1] == 50

    store.create_run(
        EVERYONE, "alone", run.text_id, run.tokenizer, run.model, run.train, run_id="alone"
    )
    alone = list(job_of(store, store.run("alone")).trainer())
    np.testing.assert_allclose(curves.train_loss, [m.train_loss for m in alone], atol=1e-4)
    np.testing.assert_allclose(curves.grad_norm, [m.grad_norm for m in alone], rtol=1e-3)
    assert curves.val_loss[-1] == pytest.approx(alone[-1].val_loss, abs=1e-4)
    store.close()


def test_a_dead_process_ends_the_job_in_words_and_the_run_goes_on_from_there(tmp_path):
    home = tmp_path / "home"
    running = job(home, TALES, *TINY, "--steps", "100000")
    store, run_id = _once_it_trains(home)
    follower = _follower_of(running.pid)
    os.kill(follower, signal.SIGKILL)
    _, errors = running.communicate(timeout=60)
    assert running.returncode != 0
    assert f"another process of its job ended in step {store.run(run_id).step + 1:,}" in errors
    assert f"--resume {run_id}" in errors
    run = store.run(run_id)
    assert (run.state, run.wish) == ("paused", "paused")
    assert store.checkpoint_step(run_id) == run.step == len(store.curves(run_id).step) > 0
    trainer = job_of(store, run).trainer()
    assert trainer.step == run.step
    trainer.advance()
    store.close()


def test_a_batch_that_cannot_be_shared_is_refused_and_the_run_waits(tmp_path):
    home = tmp_path / "home"
    done = job(home, TALES, *TINY, "--batch-size", "3")
    _, errors = done.communicate(timeout=120)
    assert done.returncode != 0
    assert "error: --batch-size is 3 and 2 processes share it: choose a multiple of 2" in errors
    assert "together.py" not in errors, "a traceback of ours; torchrun shows one of its own"
    store, run_id = the_run(home)
    assert store.run(run_id).state == "paused"
    store.close()


def _once_it_trains(home: Path) -> tuple[Store, str]:
    end = time.monotonic() + 90
    while time.monotonic() < end:
        time.sleep(0.2)
        if not (home / "store.sqlite").exists():
            continue
        store = Store(home)
        runs = [run for run in store.runs(EVERYONE) if not run.id.startswith("demo")]
        if runs and runs[0].step:
            return store, runs[0].id
        store.close()
    raise AssertionError("it did not begin to train")


def _follower_of(launcher: int) -> int:
    """The process with rank 1 among the launcher's children."""
    children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    (follower,) = (
        child for child in children if b"\0RANK=1\0" in Path(f"/proc/{child}/environ").read_bytes()
    )
    return int(follower)
