"""Workspaces share the machine first, and then their runs: places, memory, time, and the line."""

import pytest

from minigpt.config import InputError
from minigpt.engine import launch, turns, worker
from minigpt.engine.turns import Turns
from minigpt.limits import Limits
from minigpt.metrics import Results
from minigpt.store import EVERYONE, Run, Store, wait
from minigpt.store.places import Place, in_order
from tests.test_admission import put

LARGE = {"n_embd": 64}


@pytest.fixture(autouse=True)
def one_step_slices(monkeypatch):
    monkeypatch.setattr(turns, "slice_seconds", lambda runs: 0.0)


@pytest.fixture
def no_stints(monkeypatch):
    """A turn in memory is over at once."""
    monkeypatch.setattr(turns, "STINT_SECONDS", 0.0)


@pytest.fixture
def long_run(fresh_store, small_run) -> Run:
    """One that nobody waits for the end of; it stands in no line."""
    run = fresh_store.run(small_run)
    fresh_store.wish(small_run, "stopped")
    fresh_store.record(small_run, Results(state="stopped"))
    return Run(**vars(run) | {"train": run.train.replace(max_steps=10_000)})


def states(store: Store, *ids: str) -> list[str]:
    return [store.run(run_id).state for run_id in ids]


def turn(trainer: worker.Worker, times: int) -> None:
    for _ in range(times):
        assert trainer.turn(), trainer.health.trouble


def room_for(store: Store, *ids: str) -> Limits:
    """Limits under which these runs, and no more of them, fit into memory."""
    takes = [worker.memory_of(store, store.run(run_id)) for run_id in ids]
    return Limits(max_running_mb=-(-worker.memory.together(takes) // 1_000_000))


# The line.


def test_who_has_fewer_runs_goes_first_and_a_single_step_before_all():
    line = [
        Place("a2", "a"), Place("a3", "a"), Place("b1", "b"), Place("c1", "c"), Place("b2", "b"),
        Place("d9", "d", at_once=True), Place("e1", EVERYONE), Place("e2", EVERYONE),
    ]  # fmt: skip
    running = [Place("a1", "a"), Place("d1", "d"), Place("e0", EVERYONE)]
    assert in_order(line, running) == ["d9", "b1", "c1", "e1", "e2", "a2", "b2", "a3"]


def test_only_the_head_of_a_long_line_is_looked_at(fresh_store, long_run, monkeypatch):
    ids = [put(fresh_store, long_run, f"w{n % 20}") for n in range(30)]
    trainer = worker.Worker(fresh_store, Limits(max_running=1))
    turn(trainer, 2)
    read, runs = [], fresh_store._runs
    monkeypatch.setattr(fresh_store, "_runs", lambda *a: read.extend(runs(*a)) or read)
    turn(trainer, 1)
    assert len(read) <= 2 * worker.HEAD
    assert wait(fresh_store, ids[19]).position == 19, "the first of all trains"


def test_a_full_line_is_told_to_who_starts_resumes_steps_or_trains_longer(fresh_store, small_run):
    run = fresh_store.run(small_run)
    rested = fresh_store.run(put(fresh_store, run))
    fresh_store.wish(rested.id, "paused")
    fresh_store.record(rested.id, Results(state="paused"))
    rested = fresh_store.run(rested.id)
    mine, all_ = Limits(max_waiting_per_workspace=1), Limits(max_waiting=1)
    for limits, said in ((mine, "1 run of yours wait"), (all_, "1 run wait in line")):
        for ask in (
            lambda limits: launch.check(fresh_store, limits, "me", 2_000, run.model, run.train),
            lambda limits: launch.resume(fresh_store, limits, rested),
            lambda limits: launch.one_step(fresh_store, limits, rested),
        ):
            with pytest.raises(InputError, match=said):
                ask(limits)
    assert fresh_store.waiting("me") == (1, 1)
    launch.check(fresh_store, mine, "you", 2_000, run.model, run.train)
    launch.check(fresh_store, mine, EVERYONE, 2_000, run.model, run.train)
    launch.resume(fresh_store, Limits(), rested)
    assert fresh_store.waiting("me") == (2, 2)


# Memory and places.


def test_two_large_runs_of_one_do_not_keep_the_small_ones_of_others_waiting(fresh_store, long_run):
    large = [put(fresh_store, long_run, "greedy", {"n_embd": 256}) for _ in range(2)]
    trainer = worker.Worker(fresh_store, room_for(fresh_store, *large))
    turn(trainer, 3)
    assert states(fresh_store, *large) == ["running", "running"]
    small = [put(fresh_store, long_run, name) for name in ("a", "b", "c")]
    turn(trainer, 4)
    assert states(fresh_store, *small) == ["running"] * 3
    assert sorted(states(fresh_store, *large)) == ["queued", "running"]
    waiting = next(run_id for run_id in large if fresh_store.run(run_id).state == "queued")
    assert fresh_store.checkpoint_step(waiting) == fresh_store.run(waiting).step > 0
    assert not fresh_store.run(waiting).reason


def test_many_runs_of_a_few_do_not_keep_a_newcomer_waiting(fresh_store, long_run):
    many = [put(fresh_store, long_run, name) for name in ("a", "b") for _ in range(2)]
    trainer = worker.Worker(fresh_store, Limits(max_running=4))
    turn(trainer, 4)
    newcomer = put(fresh_store, long_run, "c")
    turn(trainer, 1)
    assert states(fresh_store, newcomer) == ["running"]
    assert sorted(states(fresh_store, *many)) == ["queued"] + ["running"] * 3
    turn(trainer, 10)
    assert sorted(states(fresh_store, *many)) == ["queued"] + ["running"] * 3, "it stays so"


def test_one_large_run_and_a_small_one_that_do_not_fit_together_take_turns(
    fresh_store, long_run, no_stints
):
    large = put(fresh_store, long_run, "large", LARGE, batch_size=64)
    trainer = worker.Worker(fresh_store, room_for(fresh_store, large))
    turn(trainer, 2)
    small = put(fresh_store, long_run, "small")
    seen = set()
    for _ in range(8):
        turn(trainer, 1)
        seen.add(tuple(states(fresh_store, large, small)))
    assert seen == {("running", "queued"), ("queued", "running")}
    assert fresh_store.run(large).step > 3 and fresh_store.run(small).step > 3


def test_of_a_run_that_no_one_s_end_lets_begin_no_time_is_told(fresh_store, long_run):
    small = [put(fresh_store, long_run, who) for who in "abc"]
    trainer = worker.Worker(fresh_store, Limits(max_running=3))
    turn(trainer, 6)
    large = put(fresh_store, long_run, "large", LARGE, batch_size=64)
    assert states(fresh_store, *small, large) == ["running"] * 3 + ["queued"]
    assert wait(fresh_store, large, room_for(fresh_store, large, *small[1:])).seconds > 0
    place = wait(fresh_store, large, room_for(fresh_store, large, small[0]))
    assert place.seconds is None and "memory of more than one" in place.unclear
    more = put(fresh_store, long_run, "a")
    place = wait(fresh_store, more, Limits(max_running_per_workspace=1))
    assert place.seconds is None and "own runs has to end" in place.unclear


def test_who_has_a_run_waits_a_while_for_a_turn_of_somebody_else_s(fresh_store, long_run):
    first, second = put(fresh_store, long_run, "a"), put(fresh_store, long_run, "b")
    trainer = worker.Worker(fresh_store, Limits(max_running=1))
    turn(trainer, 5)
    assert states(fresh_store, first, second) == ["running", "queued"]
    assert wait(fresh_store, second).seconds <= turns.STINT_SECONDS
    trainer.trainings[first].since -= turns.STINT_SECONDS
    fresh_store.clock = lambda clock=fresh_store.clock: clock() + turns.STINT_SECONDS
    turn(trainer, 1)
    assert states(fresh_store, first, second) == ["queued", "running"]


def test_a_run_that_needs_the_room_of_a_class_waits_as_long_as_a_class_of_turns(
    fresh_store, long_run
):
    pupils = [put(fresh_store, long_run, f"pupil {n}") for n in range(3)]
    huge = put(fresh_store, long_run, "huge", LARGE, batch_size=64)
    trainer = worker.Worker(fresh_store, room_for(fresh_store, huge))
    turn(trainer, 5)
    for training in trainer.trainings.values():
        training.since -= 10 * turns.STINT_SECONDS
    run, takes = fresh_store.run(huge), worker.memory_of(fresh_store, fresh_store.run(huge))
    limits, beside = trainer.limits, list(trainer.trainings.values())

    def who(stints: float) -> int:
        waited = stints * turns.STINT_SECONDS
        return len(turns.who_makes_room(run, takes, beside, limits, waited))

    assert states(fresh_store, *pupils) == ["running"] * 3
    assert (who(2.9), who(3.0)) == (0, 3)


# Time.


def test_time_is_shared_among_workspaces_and_then_among_their_runs(fresh_store, long_run):
    """By a clock of their own: a turn takes a second."""
    for name in ("a", "a", "a", "b", EVERYONE, EVERYONE):
        put(fresh_store, long_run, name)
    trainer = worker.Worker(fresh_store, Limits())
    while fresh_store.line():
        turn(trainer, 1)
    order, had = Turns(), {}
    beside: list = []
    for training in trainer.trainings.values():
        order.join(training, beside)
        beside.append(training)
    for _ in range(400):
        training = order.next_of(beside)
        order.spend(training, 1.0)
        had.setdefault(training.job.workspace, []).append(training.job.id)
    assert [len(had[name]) for name in ("a", "b")] == [100, 100]
    assert sorted(had["a"].count(run_id) for run_id in set(had["a"])) == [33, 33, 34]
    assert sorted(had[EVERYONE].count(run_id) for run_id in set(had[EVERYONE])) == [100, 100]
