"""No page waits for another, and a file that is taken away is noticed at once."""

import os
import shutil
import sqlite3
import threading
import time

import pytest
import torch

from minigpt.config import GPTConfig, InputError, TrainConfig
from minigpt.engine import turns, worker
from minigpt.metrics import Metrics, Results
from minigpt.store import Store, StoreError
from minigpt.store import store as store_module
from minigpt.store.database import READERS
from minigpt.store.parts import PART_BYTES, PART_STEPS, parts
from tests.test_worker import final_weights

LARGE = Results(
    [Metrics(n, n, 2.5, None, 1e-3, 0.5, n * 0.1) for n in range(1, PART_STEPS + 11)],
    [(5, "a sample")],
    [(n, bytes([n]) * (PART_BYTES // 3)) for n in range(5)],
    (PART_STEPS + 10, b"state" * PART_BYTES),
    "finished",
)


def imported(store: Store, results: Results = LARGE) -> str:
    return store.create_run(
        "me", "large", None, "{}", GPTConfig(), TrainConfig(max_steps=100_000), results=results
    )


def seconds(act, *args: object) -> float:
    started = time.monotonic()
    act(*args)
    return time.monotonic() - started


def in_thread(act, *args: object) -> float:
    """How long a page of another visitor takes for it."""
    took: list[float] = []
    page = threading.Thread(target=lambda: took.append(seconds(act, *args)))
    page.start()
    page.join(30)
    return took[0]


# Reading and looking beside who writes.


def test_pages_read_while_another_writes(fresh_store, small_run):
    with fresh_store._db.transaction() as db:
        db.execute("UPDATE runs SET name = 'not yet'")
        assert in_thread(fresh_store.run, small_run) < 0.5
        assert fresh_store.run(small_run).name == "not yet", "who writes sees it"
    assert fresh_store.run(small_run).name == "not yet"


def test_a_look_beside_who_writes_gives_up_without_a_word(fresh_store, small_run):
    fresh_store.clock = lambda: 1e12
    before = fresh_store.run(small_run).viewed_at
    with fresh_store._db.transaction():
        assert in_thread(fresh_store.look, small_run) < 1
    other = sqlite3.connect(fresh_store.folder / "store.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert seconds(fresh_store.look, small_run) < 1
    other.close()
    assert fresh_store.run(small_run).viewed_at == before
    fresh_store.look(small_run)
    assert fresh_store.run(small_run).viewed_at == 1e12


def test_threads_that_come_and_go_leave_no_connections(fresh_store, small_run):
    def files() -> int:
        links = (f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd"))
        return sum(os.path.realpath(link).startswith(str(fresh_store.folder)) for link in links)

    for _ in range(40):
        pages = [threading.Thread(target=fresh_store.runs) for _ in range(8)]
        for page in pages:
            page.start()
        for page in pages:
            page.join()
    assert len(fresh_store._db._readers) <= READERS
    assert files() <= 2 * (READERS + 1) + 1
    fresh_store.close()
    assert files() == 0


# A large run comes part by part.


def test_parts_together_are_the_whole():
    metrics, samples, snapshots, checkpoint, states = [], [], [], None, []
    for part in parts(LARGE):
        metrics += part.metrics
        samples += part.samples
        snapshots += part.snapshots
        checkpoint = part.checkpoint or checkpoint
        states.append(part.state)
    assert (metrics, samples, snapshots) == (LARGE.metrics, LARGE.samples, LARGE.snapshots)
    assert checkpoint == LARGE.checkpoint
    assert states[-1] == "finished" and set(states[:-1]) == {None}


def test_nobody_sees_a_large_run_before_it_is_whole_and_others_write_meanwhile(
    fresh_store, monkeypatch
):
    seen = []

    def watched(results: Results):
        for part in parts(results):
            seen.append([run.name for run in fresh_store.runs()])
            assert in_thread(fresh_store.add_text, "you", f"text {len(seen)}", "some text") < 1
            worker.Worker(fresh_store).turn()
            yield part

    monkeypatch.setattr(store_module, "parts", watched)
    run_id = imported(fresh_store)
    assert len(seen) > 4 and not any(seen)
    run = fresh_store.run(run_id)
    assert (run.state, run.wish, run.step) == ("finished", "stopped", PART_STEPS + 10)
    assert fresh_store.snapshot_steps(run_id) == [0, 1, 2, 3, 4]
    assert fresh_store.checkpoint(run_id) == LARGE.checkpoint
    assert len(fresh_store.curves(run_id).step) == PART_STEPS + 10


def test_a_large_run_that_cannot_be_kept_leaves_nothing(fresh_store, monkeypatch):
    def broken(results: Results):
        yield next(iter(parts(results)))
        raise InputError("the disk is full")

    monkeypatch.setattr(store_module, "parts", broken)
    with pytest.raises(InputError, match="the disk is full"):
        imported(fresh_store)
    assert fresh_store._db.rows("SELECT count(*) FROM runs") == [(0,)]


def test_what_came_in_part_because_its_page_died_goes_after_an_hour(fresh_store, monkeypatch):
    def dying(results: Results):
        yield next(iter(parts(results)))
        monkeypatch.setattr(fresh_store, "delete_run", lambda run_id: None)
        raise KeyboardInterrupt

    monkeypatch.setattr(store_module, "parts", dying)
    now = fresh_store.clock()
    with pytest.raises(KeyboardInterrupt):
        imported(fresh_store)
    monkeypatch.undo()
    assert fresh_store.unmet_wishes() == []
    fresh_store.clock = lambda: now + 3_700
    worker.Worker(fresh_store).turn()
    assert fresh_store._db.rows("SELECT count(*) FROM runs") == [(0,)]


# A file that is taken away.


def taken_away(store: Store) -> None:
    for file in list(store.folder.glob("store.sqlite*")):
        file.rename(file.with_name(f"away.{file.name}"))


def put_back(store: Store) -> None:
    for file in list(store.folder.glob("away.*")):
        file.rename(file.with_name(file.name.removeprefix("away.")))


def replaced(store: Store) -> None:
    taken_away(store)
    shutil.copy(store.folder / "away.store.sqlite", store.folder / "store.sqlite")


def log_lost(store: Store) -> None:
    file = store.folder / "store.sqlite-wal"
    file.rename(file.with_name("away.store.sqlite-wal"))


def locked_up(store: Store) -> None:
    (store.folder / "store.sqlite").chmod(0o444)


def unlocked(store: Store) -> None:
    (store.folder / "store.sqlite").chmod(0o644)


TAKEN = {
    "deleted": (taken_away, put_back, "store.sqlite was deleted or moved", "read"),
    "its log deleted": (log_lost, put_back, "store.sqlite-wal was deleted or moved", "read"),
    "replaced": (replaced, put_back, "another file has taken the place of store.sqlite", "read"),
    "read-only": (locked_up, unlocked, "store.sqlite – the file may not be written", "write"),
}


@pytest.mark.parametrize(("take", "give", "told", "at"), TAKEN.values(), ids=TAKEN)
def test_a_file_that_is_taken_away_is_told_at_once_and_what_was_learned_waits_for_it(
    fresh_store, small_run, monkeypatch, take, give, told, at
):
    monkeypatch.setattr(turns, "slice_seconds", lambda runs: 0.0)
    run = fresh_store.run(small_run)
    twin = fresh_store.create_run("me", "twin", run.text_id, run.tokenizer, run.model, run.train)
    trainer = worker.Worker(fresh_store)
    for _ in range(6):
        trainer.turn()
    take(fresh_store)
    if at == "read":
        with pytest.raises(StoreError, match=told):
            fresh_store.runs("me")
    with pytest.raises(StoreError, match=told):
        fresh_store.add_text("me", "a text", "some text")
    for _ in range(3):
        assert not trainer.turn()
    assert told in trainer.health.trouble
    assert small_run in trainer.trainings
    give(fresh_store)
    while trainer.turn():
        pass
    assert trainer.health.trouble == ""
    a, b = final_weights(fresh_store, small_run), final_weights(fresh_store, twin)
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert fresh_store.curves(small_run).step.tolist() == list(range(1, 21))
