import itertools
import os
import signal
import subprocess
import sys
import time

import pytest
import safetensors.torch
import torch

from minigpt import weights, worker
from minigpt.config import GPTConfig, TrainConfig
from minigpt.store import Store
from minigpt.supervisor import Supervisor
from minigpt.tokenizers import CharTokenizer


@pytest.fixture
def one_step_slices(monkeypatch):
    monkeypatch.setattr(worker, "SLICE_SECONDS", 0.0)


def wait_for(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def final_weights(store: Store, run_id: str) -> dict[str, torch.Tensor]:
    state = safetensors.torch.load(store.checkpoint(run_id)[1])
    return {name: tensor for name, tensor in state.items() if name != "seconds"}


def test_a_queued_run_is_trained_to_its_end(fresh_store, small_run):
    trainer = worker.Worker(fresh_store)
    while trainer.turn():
        pass
    run = fresh_store.run(small_run)
    assert (run.state, run.step) == ("finished", 20)
    assert fresh_store.curves(small_run).step.tolist() == list(range(1, 21))
    assert [step for step, _ in fresh_store.samples(small_run)] == [1, 5, 10, 15, 20]
    assert fresh_store.snapshot_steps(small_run) == [0, 1, 2, 3, 4, 6, 8, 11, 16, 20]
    assert fresh_store.checkpoint(small_run)[0] == 20


def test_snapshots_are_spread_evenly_on_a_log_scale():
    kept = [step for step in range(10_001) if worker.is_snapshot_step(step, 10_000)]
    assert kept[:12] == [0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45]
    assert kept[-1] == 10_000
    assert 20 <= len(kept) <= 30


def test_pause_stop_and_delete_are_obeyed_at_the_next_turn(fresh_store, small_run, one_step_slices):
    trainer = worker.Worker(fresh_store)
    trainer.turn()
    fresh_store.wish(small_run, "paused")
    trainer.turn()
    paused = fresh_store.run(small_run)
    assert (paused.state, paused.step) == ("paused", 1)
    assert fresh_store.checkpoint(small_run)[0] == 1
    assert not trainer.turn()

    fresh_store.wish(small_run, "running")
    trainer.turn()
    assert fresh_store.run(small_run).step == 2
    fresh_store.wish(small_run, "stopped")
    trainer.turn()
    assert fresh_store.run(small_run).state == "stopped"
    fresh_store.wish(small_run, "deleted")
    trainer.turn()
    assert fresh_store.runs() == []


def test_runs_take_turns_and_do_not_change_each_other(
    fresh_store, small_run, simple_text, monkeypatch
):
    ticks = itertools.count()
    monkeypatch.setattr(worker.time, "monotonic", lambda: next(ticks) / 10)  # 0.1 s a look
    monkeypatch.setattr(worker.time, "process_time", lambda: next(ticks) / 10)
    first = fresh_store.run(small_run)
    twin, other = (
        fresh_store.create_run(
            "me",
            "twin",
            first.text_id,
            first.tokenizer,
            first.model,
            first.train.replace(seed=seed),
        )
        for seed in (1, 2)
    )
    trainer = worker.Worker(fresh_store)
    for _ in range(12):
        trainer.turn()
    steps = [fresh_store.run(run_id).step for run_id in (small_run, twin, other)]
    assert min(steps) > 3 and max(steps) - min(steps) <= 3
    while trainer.turn():
        pass
    a, b, c = (final_weights(fresh_store, run_id) for run_id in (small_run, twin, other))
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert any(not torch.equal(a[name], c[name]) for name in a)


def test_a_paused_and_resumed_run_equals_the_uninterrupted_one(
    fresh_store, small_run, one_step_slices
):
    first = fresh_store.run(small_run)
    trainer = worker.Worker(fresh_store)
    while trainer.turn():
        pass
    second = fresh_store.create_run(
        "me", "paused", first.text_id, first.tokenizer, first.model, first.train
    )
    for _ in range(7):
        trainer.turn()
    fresh_store.wish(second, "paused")
    trainer.turn()
    fresh_store.wish(second, "running")
    while trainer.turn():
        pass
    a, b = final_weights(fresh_store, small_run), final_weights(fresh_store, second)
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert (
        fresh_store.curves(small_run).train_loss.tolist()
        == fresh_store.curves(second).train_loss.tolist()
    )


def test_a_run_that_cannot_start_fails_with_its_reason_and_its_neighbours_live(
    fresh_store, small_run, one_step_slices
):
    short = fresh_store.add_text("me", "short", "ab")
    tokenizer = CharTokenizer.train("ab").to_json()
    broken = fresh_store.create_run(
        "me", "broken", short, tokenizer, GPTConfig(5, 16), TrainConfig()
    )
    trainer = worker.Worker(fresh_store)
    trainer.turn()
    trainer.turn()
    assert fresh_store.run(broken).state == "failed"
    assert "context of 16" in fresh_store.run(broken).reason
    assert fresh_store.run(small_run).step == 2


def test_a_diverged_run_says_when_and_keeps_its_weights(
    fresh_store, small_run, one_step_slices, monkeypatch
):
    trainer = worker.Worker(fresh_store)
    trainer.turn()
    trainer.turn()
    model = trainer.trainings[small_run].trainer.model
    model.register_forward_hook(lambda module, args, logits: logits * float("nan"))
    trainer.turn()
    run = fresh_store.run(small_run)
    assert (run.state, run.step) == ("diverged", 2)
    assert "step 3" in run.reason
    assert all(w.isfinite().all() for w in weights.load_model(fresh_store, run).parameters())


def test_the_model_of_any_kept_moment_can_be_loaded(fresh_store, small_run):
    trainer = worker.Worker(fresh_store)
    while trainer.turn():
        pass
    run = fresh_store.run(small_run)
    newest, last, first = (weights.load_model(fresh_store, run, step) for step in (None, 20, 0))
    for a, b in zip(newest.parameters(), last.parameters(), strict=True):
        assert torch.equal(a, b)
    fresh = weights.new_model(run.model, run.train.seed)
    for a, b in zip(first.parameters(), fresh.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)  # snapshots are in half precision


@pytest.fixture
def long_run(fresh_store, small_run) -> str:
    run = fresh_store.run(small_run)
    return fresh_store.create_run(
        "me", "long", run.text_id, run.tokenizer, run.model, run.train.replace(max_steps=1_000_000)
    )


def test_a_supervised_worker_trains_and_leaves_with_its_supervisor(fresh_store, long_run):
    with Supervisor(fresh_store.folder) as supervisor:
        wait_for(lambda: fresh_store.run(long_run).step > 20)
        process = supervisor._worker
    assert process.returncode == 0
    assert fresh_store.checkpoint(long_run)[0] == fresh_store.run(long_run).step


def test_a_killed_worker_is_replaced_and_the_run_goes_on(fresh_store, long_run):
    with Supervisor(fresh_store.folder) as supervisor:
        wait_for(lambda: fresh_store.run(long_run).step > 5)
        fresh_store.wish(long_run, "paused")
        wait_for(lambda: fresh_store.run(long_run).state == "paused")
        saved = fresh_store.run(long_run).step
        fresh_store.wish(long_run, "running")
        wait_for(lambda: fresh_store.run(long_run).step > saved)
        killed = supervisor._worker
        killed.kill()
        wait_for(lambda: supervisor._worker.pid != killed.pid)
        wait_for(lambda: fresh_store.run(long_run).step > saved)
        steps = fresh_store.curves(long_run).step.tolist()
        assert steps == list(range(1, len(steps) + 1))


def test_sigterm_saves_and_ends_with_143(fresh_store, long_run):
    process = subprocess.Popen(
        [sys.executable, "-m", "minigpt.worker"],
        env={**os.environ, "MINIGPT_HOME": str(fresh_store.folder)},
        stdin=subprocess.PIPE,
    )
    wait_for(lambda: fresh_store.run(long_run).step > 5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 143
    assert fresh_store.checkpoint(long_run)[0] == fresh_store.run(long_run).step
    process.stdin.close()


def test_a_second_worker_on_the_same_store_leaves_at_once(fresh_store, long_run):
    with Supervisor(fresh_store.folder):
        wait_for(lambda: fresh_store.run(long_run).step > 1)
        second = subprocess.run(
            [sys.executable, "-m", "minigpt.worker"],
            env={**os.environ, "MINIGPT_HOME": str(fresh_store.folder)},
            stdin=subprocess.PIPE,
            timeout=60,
        )
        assert second.returncode == 0
        step = fresh_store.run(long_run).step
        wait_for(lambda: fresh_store.run(long_run).step > step)
