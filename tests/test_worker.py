import itertools
import os
import signal
import subprocess
import sys
import time

import pytest
import safetensors.torch
import torch

from minigpt import optim, weights
from minigpt.config import GPTConfig, TrainConfig
from minigpt.engine import turns, worker
from minigpt.engine.speed import Speed
from minigpt.engine.supervisor import Supervisor
from minigpt.engine.training import is_snapshot_step
from minigpt.limits import Limits
from minigpt.metrics import Results
from minigpt.store import LIBRARY_SHELF, Store, StoreError, wait
from minigpt.tokenizers import CharTokenizer


@pytest.fixture
def one_step_slices(monkeypatch):
    monkeypatch.setattr(turns, "slice_seconds", lambda runs: 0.0)


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


def test_a_finished_run_shows_what_it_writes_in_the_end(fresh_store, small_run):
    run = fresh_store.run(small_run)
    train = run.train.replace(max_steps=7)
    fresh_store.create_run("me", "odd", run.text_id, run.tokenizer, run.model, train, run_id="odd")
    trainer = worker.Worker(fresh_store)
    while trainer.turn():
        pass
    assert [step for step, _ in fresh_store.samples("odd")] == [1, 5, 7]


def test_snapshots_are_spread_evenly_on_a_log_scale():
    kept = [step for step in range(10_001) if is_snapshot_step(step, 10_000)]
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


def test_a_supervised_worker_measures_its_machine(fresh_store):
    with Supervisor(fresh_store.folder):
        wait_for(fresh_store.speed, seconds=180)
    _, body = fresh_store.speed()
    assert all(seconds > 0 for seconds in Speed.from_json(body).seconds.values())


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
        [sys.executable, "-m", "minigpt.engine.worker"],
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
            [sys.executable, "-m", "minigpt.engine.worker"],
            env={**os.environ, "MINIGPT_HOME": str(fresh_store.folder)},
            stdin=subprocess.PIPE,
            timeout=60,
        )
        assert second.returncode == 0
        step = fresh_store.run(long_run).step
        wait_for(lambda: fresh_store.run(long_run).step > step)


def test_a_worker_that_hangs_is_noticed_and_replaced(fresh_store, long_run):
    with Supervisor(fresh_store.folder) as supervisor:
        wait_for(lambda: fresh_store.run(long_run).step > 5)
        hung = supervisor._worker
        hung.send_signal(signal.SIGSTOP)  # it lives, but does nothing any more
        stopped = time.monotonic()
        wait_for(lambda: hung.poll() is not None)
        assert time.monotonic() - stopped < 6
        step = fresh_store.run(long_run).step
        wait_for(lambda: fresh_store.run(long_run).step > step)


def test_a_run_that_ends_its_worker_twice_at_one_step_fails_and_its_neighbours_live(
    fresh_store, small_run, one_step_slices
):
    first = fresh_store.run(small_run)
    neighbour = fresh_store.create_run(
        "me", "neighbour", first.text_id, first.tokenizer, first.model, first.train
    )
    for _ in range(2):
        dies = worker.Worker(fresh_store)
        for _ in range(4):
            dies.turn()
        dies._marker.put(small_run, 7)  # and dies there, without another word
    follower = worker.Worker(fresh_store)
    while follower.turn():
        pass
    failed = fresh_store.run(small_run)
    assert failed.state == "failed"
    assert "ended twice in step 7" in failed.reason and "smaller" in failed.reason
    assert fresh_store.run(neighbour).state == "finished"


def test_workers_that_die_at_other_steps_fail_no_run(fresh_store, small_run, one_step_slices):
    for step in (7, 8, 9):
        dies = worker.Worker(fresh_store)
        dies.turn()
        dies._marker.put(small_run, step)
    follower = worker.Worker(fresh_store)
    while follower.turn():
        pass
    assert fresh_store.run(small_run).state == "finished"


def test_what_the_disk_refuses_is_kept_and_told_until_it_can_be_written(
    fresh_store, small_run, one_step_slices, monkeypatch
):
    trainer = worker.Worker(fresh_store)
    trainer.turn()
    record = fresh_store.record

    def refuse(*args) -> None:
        raise StoreError("store.sqlite – the disk is full")

    monkeypatch.setattr(fresh_store, "record", refuse)
    for _ in range(3):
        assert not trainer.turn()
    assert "disk is full" in trainer.health.trouble
    assert trainer.trainings[small_run].trainer.step == 2  # it does not train on unwritten results
    monkeypatch.setattr(fresh_store, "record", record)
    while trainer.turn():
        pass
    assert trainer.health.trouble == ""
    assert fresh_store.run(small_run).state == "finished"
    assert fresh_store.curves(small_run).step.tolist() == list(range(1, 21))


def test_one_step_is_one_step_even_when_others_fill_the_machine(
    fresh_store, small_run, simple_text, one_step_slices
):
    run = fresh_store.run(small_run)
    trainer = worker.Worker(fresh_store, Limits(max_running=1))
    trainer.turn()
    fresh_store.wish(small_run, "paused")
    fresh_store.add_text("you", "simple", simple_text)
    other = fresh_store.create_run("you", "other", run.text_id, run.tokenizer, run.model, run.train)
    for _ in range(3):
        trainer.turn()
    fresh_store.step(small_run)
    fresh_store.step(small_run)  # a double click is one step
    for _ in range(4):
        trainer.turn()
    stepped = fresh_store.run(small_run)
    assert (stepped.state, stepped.wish, stepped.step) == ("paused", "paused", 2)
    assert fresh_store.checkpoint_step(small_run) == 2
    assert fresh_store.run(other).step > 2


def test_training_longer_keeps_all_that_was_and_goes_on(fresh_store, small_run):
    trainer = worker.Worker(fresh_store)
    while trainer.turn():
        pass
    before = fresh_store.curves(small_run)
    fresh_store.extend(small_run, 10)
    while trainer.turn():
        pass
    run, after = fresh_store.run(small_run), fresh_store.curves(small_run)
    assert (run.state, run.step, run.train.max_steps) == ("finished", 30, 30)
    assert after.train_loss[:20].tolist() == before.train_loss.tolist()
    assert after.lr[:20].tolist() == before.lr.tolist()
    rates = [run.train.learning_rate * optim.rate(step, run.train) for step in range(30)]
    assert after.lr.tolist() == pytest.approx(rates)
    assert after.lr[20] > after.lr[19] and after.lr[20] == max(after.lr[20:])


def test_those_in_line_begin_in_their_order_when_there_is_room(
    fresh_store, small_run, simple_text, one_step_slices
):
    run = fresh_store.run(small_run)
    fresh_store.add_text(LIBRARY_SHELF, "simple", simple_text)
    second, third = (
        fresh_store.create_run(name, name, run.text_id, run.tokenizer, run.model, run.train)
        for name in ("you", "they")
    )
    trainer = worker.Worker(fresh_store, Limits(max_running=1))
    trainer.turn()
    trainer.turn()
    assert [waiting.id for waiting in fresh_store.line()] == [second, third]
    place = wait(fresh_store, third)
    left = 18 * fresh_store.seconds_per_step(small_run)
    assert (place.position, place.seconds) == (2, pytest.approx(2 * left))
    assert wait(fresh_store, small_run) is None
    while trainer.turn():
        pass
    assert {run.state for run in fresh_store.runs()} == {"finished"}


def test_one_person_s_runs_do_not_take_every_place(
    fresh_store, small_run, simple_text, one_step_slices
):
    run = fresh_store.run(small_run)
    fresh_store.add_text(LIBRARY_SHELF, "simple", simple_text)
    mine = [
        fresh_store.create_run("me", "more", run.text_id, run.tokenizer, run.model, run.train)
        for _ in range(3)
    ]
    yours = fresh_store.create_run("you", "one", run.text_id, run.tokenizer, run.model, run.train)
    trainer = worker.Worker(fresh_store, Limits(max_running=4, max_running_per_workspace=2))
    for _ in range(6):
        trainer.turn()
    states = {run.id: run.state for run in fresh_store.runs()}
    assert [states[run_id] for run_id in (small_run, *mine, yours)] == [
        "running", "running", "queued", "queued", "running",
    ]  # fmt: skip


def test_a_run_nobody_looks_at_makes_room_and_says_so(tmp_path, simple_text, one_step_slices):
    now = 1_000_000.0
    store = Store(tmp_path, clock=lambda: now)
    tokenizer = CharTokenizer.train(simple_text)
    text_id = store.add_text(LIBRARY_SHELF, "simple", simple_text)
    abandoned, watched, waiting = (
        store.create_run(
            who, who, text_id, tokenizer.to_json(),
            GPTConfig(tokenizer.vocab_size, 16, 1, 2, 8), TrainConfig(max_steps=1_000),
        )
        for who in ("absent", "present", "next")
    )  # fmt: skip
    trainer = worker.Worker(store, Limits(max_running=2))
    for _ in range(4):
        trainer.turn()
    now += 9 * 60
    store.look(watched)
    trainer.turn()
    assert store.run(waiting).state == "queued"
    now += 2 * 60
    for _ in range(3):
        trainer.turn()
    assert store.run(abandoned).state == store.run(abandoned).wish == "paused"
    assert "nobody had looked at it for 10 minutes" in store.run(abandoned).reason
    assert store.run(watched).state == store.run(waiting).state == "running"
    assert store.checkpoint_step(abandoned) == store.run(abandoned).step


def test_old_runs_are_cleared_but_never_an_active_or_a_watched_one(tmp_path, simple_text):
    now = 1_000_000.0
    store = Store(tmp_path, clock=lambda: now)
    tokenizer = CharTokenizer.train(simple_text).to_json()
    text_id = store.add_text("me", "simple", simple_text)

    def new_run(results: Results | None) -> str:
        return store.create_run(
            "me", "a run", text_id, tokenizer, GPTConfig(), TrainConfig(), results=results
        )

    new_run(Results(state="finished"))
    seen, asleep = new_run(Results(state="stopped")), new_run(None)
    store.wish(asleep, "paused")
    cleaner = worker.Worker(store, Limits(max_age_days=30))
    cleaner.turn()
    now += 20 * 86_400
    store.look(seen)
    now += 11 * 86_400
    cleaner._tidied_at = float("-inf")
    cleaner.turn()
    assert {run.id for run in store.runs()} == {seen, asleep}
    assert store.run(asleep).state == "stopped" and "30 days" in store.run(asleep).reason


def test_over_the_disk_budget_the_longest_unviewed_go_first(tmp_path):
    now = 1_000_000.0
    store = Store(tmp_path, clock=lambda: now)
    ids = []
    for i in range(4):
        now += 60
        results = Results(snapshots=[(0, bytes(400_000))], state="finished")
        ids.append(
            store.create_run("me", str(i), None, "{}", GPTConfig(), TrainConfig(), results=results)
        )
    now += 60
    store.look(ids[0])
    worker.Worker(store, Limits(max_disk_mb=1)).turn()
    assert {run.id for run in store.runs()} == {ids[0], ids[3]}
    assert store.used_bytes() <= 1_000_000
