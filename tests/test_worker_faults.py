"""What breaks around a worker, or in a run: the others go on, and what was learned is kept."""

import errno
import io
import math
import sys
import time

import pytest
import torch

from minigpt.engine import supervisor as supervisor_module
from minigpt.engine import turns, worker
from minigpt.engine.supervisor import Supervisor
from minigpt.engine.training import Training
from minigpt.limits import Limits
from minigpt.metrics import Metrics, Results
from minigpt.store import Store
from minigpt.trainer import Trainer
from tests.test_worker import final_weights, wait_for


@pytest.fixture(autouse=True)
def one_step_slices(monkeypatch):
    monkeypatch.setattr(turns, "slice_seconds", lambda runs: 0.0)


@pytest.fixture
def twin(fresh_store, small_run) -> str:
    """A run that does the same as `small_run`."""
    run = fresh_store.run(small_run)
    return fresh_store.create_run("me", "twin", run.text_id, run.tokenizer, run.model, run.train)


def work(store: Store) -> None:
    trainer = worker.Worker(store)
    while trainer.turn():
        pass


class Killed(BaseException):
    """kill -9, as far as the worker can tell."""


# A disk that is full.


@pytest.mark.parametrize("turns", [0, 1, 4])
def test_a_full_disk_under_the_marker_lets_the_run_wait_and_go_on(fresh_store, small_run, turns):
    trainer = worker.Worker(fresh_store)
    for _ in range(turns):
        trainer.turn()
    before = fresh_store.run(small_run)
    mark = fresh_store.folder / "worker.step"
    mark.unlink(missing_ok=True)
    mark.symlink_to("/dev/full")
    for _ in range(3):
        assert not trainer.turn()
    assert "worker.step – the disk is full" in trainer.health.trouble
    assert (fresh_store.run(small_run).state, fresh_store.run(small_run).step) == (
        before.state,
        before.step,
    )
    mark.unlink()
    while trainer.turn():
        pass
    assert trainer.health.trouble == ""
    assert fresh_store.run(small_run).state == "finished"
    assert fresh_store.curves(small_run).step.tolist() == list(range(1, 21))


def test_a_full_disk_inside_a_step_undoes_that_step_alone(
    fresh_store, small_run, twin, monkeypatch
):
    trainer = worker.Worker(fresh_store)
    for _ in range(6):
        trainer.turn()
    inside = trainer.trainings[small_run].trainer
    keep = inside._keep_weights

    def refuse() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/cache")

    monkeypatch.setattr(inside, "_keep_weights", refuse)
    while trainer.turn():
        pass
    assert "cache – the disk is full" in trainer.health.trouble
    monkeypatch.setattr(inside, "_keep_weights", keep)
    while trainer.turn():
        pass
    a, b = final_weights(fresh_store, small_run), final_weights(fresh_store, twin)
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_full_disk_under_the_log_does_not_end_the_worker(fresh_store, small_run, monkeypatch):
    run = fresh_store.run(small_run)
    broken = fresh_store.create_run("me", "broken", None, run.tokenizer, run.model, run.train)
    with open("/dev/full", "wb", buffering=0) as full:
        log = io.TextIOWrapper(full, write_through=True)
        monkeypatch.setattr(sys, "stderr", log)
        work(fresh_store)
        monkeypatch.undo()
    assert "without its text" in fresh_store.run(broken).reason
    assert fresh_store.run(small_run).state == "finished"


def test_a_disk_that_fails_while_a_worker_takes_over_counts_no_death_twice(
    fresh_store, small_run, monkeypatch
):
    dies = worker.Worker(fresh_store)
    dies.turn()
    dies._marker.put(small_run, 2)
    follower = worker.Worker(fresh_store)
    crashed = fresh_store.crashed

    def crashed_on_a_full_disk(run_id: str, step: int) -> bool:
        monkeypatch.setattr(fresh_store, "crashed", crashed)
        (fresh_store.folder / "worker.step").unlink()
        (fresh_store.folder / "worker.step").symlink_to("/dev/full")
        return crashed(run_id, step)

    monkeypatch.setattr(fresh_store, "crashed", crashed_on_a_full_disk)
    for _ in range(3):
        follower.turn()
    (fresh_store.folder / "worker.step").unlink()
    while follower.turn():
        pass
    assert fresh_store.run(small_run).state == "finished"


# A run whose content cannot be kept.

HUGE = Metrics(1, 2**63, 2.5, None, 1e-3, 0.5, 0.1)
NO_NUMBER = Metrics(1, 10, math.nan, None, 1e-3, 0.5, 0.1)
CONTENT = {
    "half a character": ({"samples": [(1, "a \ud800 b")]}, "half a character"),
    "a number of 64 bits": ({"metrics": [HUGE]}, "larger than the store can keep"),
    "a loss that is none": ({"metrics": [NO_NUMBER]}, "train_loss"),
    "a sample that is no text": ({"samples": [(1, object())]}, "an error in minigpt"),
    "a state it cannot come to": ({"state": "queued", "reason": "\ud800"}, "half a character"),
}


@pytest.mark.parametrize(("content", "told"), CONTENT.values(), ids=CONTENT)
@pytest.mark.parametrize("asked", ["to train", "to pause"])
def test_whatever_a_run_wants_kept_ends_that_run_alone(
    fresh_store, small_run, twin, monkeypatch, content, told, asked
):
    results = Training.results

    def poisoned(training: Training, **standing) -> Results:
        found = results(training, **standing)
        return Results(**content) if training.job.id == small_run else found

    trainer = worker.Worker(fresh_store)
    for _ in range(4):
        trainer.turn()
    monkeypatch.setattr(Training, "results", poisoned)
    if asked == "to pause":
        fresh_store.wish(small_run, "paused")
    while trainer.turn():
        pass
    assert fresh_store.run(small_run).state == "failed"
    assert told in fresh_store.run(small_run).reason
    assert fresh_store.run(twin).state == "finished"
    assert trainer.health.trouble == ""


def test_what_breaks_inside_a_run_ends_that_run_alone(fresh_store, small_run, twin, monkeypatch):
    trainer = worker.Worker(fresh_store)
    for _ in range(4):
        trainer.turn()
    sound = trainer.trainings[twin]

    def breaks(self: Training, **standing) -> Results:
        if self is sound:
            return results(self, **standing)
        raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")

    results = Training.results
    monkeypatch.setattr(Training, "results", breaks)
    while trainer.turn():
        pass
    assert fresh_store.run(small_run).state == "failed"
    assert fresh_store.run(twin).state == "finished"


# A worker that is killed, or slow.


def test_a_worker_killed_twice_while_it_writes_fails_no_run(fresh_store, small_run, monkeypatch):
    record = fresh_store.record

    def killed(run_id: str, results: Results) -> None:
        if results.metrics:
            raise Killed
        record(run_id, results)

    monkeypatch.setattr(fresh_store, "record", killed)
    for _ in range(2):
        dies = worker.Worker(fresh_store)
        with pytest.raises(Killed):
            for _ in range(3):
                dies.turn()
    monkeypatch.setattr(fresh_store, "record", record)
    work(fresh_store)
    assert fresh_store.run(small_run).state == "finished"


def test_only_a_first_step_that_is_compiled_may_take_longer_than_a_minute(
    fresh_store, small_run, monkeypatch
):
    now, hung = [1_000.0], []
    trainer = worker.Worker(fresh_store, Limits(compile=1))
    monkeypatch.setattr(torch, "compile", lambda model: model)
    monkeypatch.setattr(worker.time, "monotonic", lambda: now[0])
    advance = Trainer.advance

    def slow(self: Trainer):
        now[0] += 300
        hung.append(trainer.health.hangs)
        return advance(self)

    monkeypatch.setattr(Trainer, "advance", slow)
    for _ in range(2):
        trainer.turn()
    assert hung == [False, True]


@pytest.mark.parametrize("fault", ["a setting", "a library"])
def test_a_worker_that_cannot_start_says_why_tries_less_often_and_starts_when_it_can(
    fresh_store, small_run, monkeypatch, tmp_path, fault
):
    monkeypatch.setattr(supervisor_module, "STEADY_SECONDS", 1_000)  # on a busy machine too
    if fault == "a setting":
        monkeypatch.setenv("MINIGPT_THREADS", "abc")
        told = "MINIGPT_THREADS is 'abc': it has to be a whole number from 0 to 1,024"
    else:
        missing = "raise ModuleNotFoundError('No module named torch')"
        (tmp_path / "torch.py").write_text(missing)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        told = "ModuleNotFoundError: No module named torch"
    with Supervisor(fresh_store.folder) as supervisor:
        wait_for(lambda: supervisor.trouble and supervisor._failures >= 2, seconds=120)
        assert told in supervisor.trouble
        assert "started again in 1 s" in supervisor.trouble
        pid = supervisor._worker.pid
        until = time.monotonic() + 0.7
        while time.monotonic() < until:
            assert supervisor._worker.pid == pid
            time.sleep(0.1)
        monkeypatch.setenv("MINIGPT_THREADS", "1")
        monkeypatch.delenv("PYTHONPATH", raising=False)
        wait_for(lambda: fresh_store.run(small_run).state == "finished", seconds=120)
        wait_for(lambda: supervisor.trouble == "")


def test_of_several_supervisors_one_has_a_worker(fresh_store):
    with Supervisor(fresh_store.folder) as one, Supervisor(fresh_store.folder) as other:
        wait_for(lambda: one._worker or other._worker)
        time.sleep(2)
        assert bool(one._worker) != bool(other._worker)
        first, second = (one, other) if one._worker else (other, one)
        first.close()
        wait_for(lambda: second._worker)


def test_a_lock_that_cannot_be_made_is_told_and_tried_again(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "worker.lock").symlink_to("/nowhere/at/all")
    with Supervisor(folder) as supervisor:
        wait_for(lambda: "cannot be started" in supervisor.trouble)
        (folder / "worker.lock").unlink()
        wait_for(lambda: supervisor._worker, seconds=30)
