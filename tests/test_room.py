"""The disk is shared: whoever holds little never makes room for who holds more."""

import random
import secrets

import pytest

from minigpt.config import GPTConfig, InputError, TrainConfig
from minigpt.engine import room, worker
from minigpt.engine.launch import launch
from minigpt.limits import Limits
from minigpt.metrics import Results
from minigpt.recipes import PRESETS
from minigpt.store import Store
from minigpt.store.room import share
from minigpt.tokenizers import CharTokenizer

MB = 1_000_000
THREE = Limits(max_disk_mb=3)


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path, clock) -> Store:
    store = Store(tmp_path, clock)
    yield store
    store.close()


@pytest.fixture
def small_job(simple_text):
    """Puts a run in line that trains in no time."""
    tokenizer = CharTokenizer.train(simple_text)

    def start(store: Store, who: str) -> str:
        text_id = store.add_text(who, "simple", simple_text)
        model = GPTConfig(tokenizer.vocab_size, block_size=16, n_layer=1, n_head=2, n_embd=8)
        return store.create_run(
            who, "small", text_id, tokenizer.to_json(), model, TrainConfig(max_steps=1_000)
        )

    return start


def ended_run(store: Store, who: str, size: int) -> str:
    results = Results(snapshots=[(0, bytes(size))], state="finished")
    return store.create_run(who, "a run", None, "{}", GPTConfig(), TrainConfig(), results=results)


def bring(store: Store, who: str, size: int, limits: Limits = THREE) -> str:
    """As Data takes a text."""
    room.make_room_for(store, limits, "this text", who, size)
    return store.add_text(who, "a text", secrets.token_hex(size // 2))


def tidied(store: Store, limits: Limits = THREE) -> worker.Worker:
    cleaner = worker.Worker(store, limits)
    cleaner.turn()
    return cleaner


def poured(amounts: list[int], water: int) -> int:
    """The level, drop by drop: each goes to whoever has least and is not full."""
    filled = [0] * len(amounts)
    for _ in range(water):
        thirsty = [i for i, amount in enumerate(amounts) if filled[i] < amount]
        if not thirsty:
            return water
        filled[min(thirsty, key=filled.__getitem__)] += 1
    return min((filled[i] for i, amount in enumerate(amounts) if filled[i] < amount), default=water)


def test_shares_are_what_pouring_drop_by_drop_gives():
    rng = random.Random(5)
    for _ in range(300):
        amounts = [rng.randrange(12) for _ in range(rng.randrange(1, 6))]
        water = rng.randrange(40)
        assert share(amounts, water) == poured(amounts, water)


def test_what_newcomers_upload_costs_nobody_a_run(store):
    runs = {ended_run(store, "class", 100_000) for _ in range(5)}
    taken = 0
    for n in range(6):
        try:
            bring(store, f"fresh {n}", MB)
            taken += 1
        except InputError as error:
            assert "no room for this text of 1.0 MB" in str(error)
            assert "of the 3.0 MB" in str(error) and "bring less" in str(error)
        tidied(store)
        assert {run.id for run in store.runs("class")} == runs
    assert taken == 2 and store.used_bytes() <= 3 * MB


def test_an_unused_text_of_who_holds_most_makes_room_for_a_small_one(store):
    runs = {ended_run(store, "class", 100_000) for _ in range(5)}
    junk = [bring(store, "one", 1_200_000), bring(store, "two", MB)]
    mine = bring(store, "me", 600_000)
    assert store.texts("one") == [] and [text.id for text in store.texts("two")] == junk[1:]
    assert store.text(mine) and {run.id for run in store.runs("class")} == runs


def test_a_text_that_lies_unused_for_an_hour_makes_room_for_any(store, clock):
    small, large = bring(store, "one", 400_000), bring(store, "two", 800_000)
    with pytest.raises(InputError, match="no room"):
        bring(store, "me", 2 * MB)
    assert store.text(small) and store.text(large), "a refusal clears nothing"
    clock.now += 3_601
    bring(store, "me", 2 * MB)
    assert store.texts("two") == []


def test_deleting_what_one_has_makes_room_when_the_disk_is_full(store, simple_text):
    mine = ended_run(store, "me", 2_900_000)
    tokenizer = CharTokenizer.train(simple_text)
    text_id = store.add_text("me", "simple", simple_text)
    model = PRESETS["classic"].model(tokenizer.vocab_size)
    started = "me", "a run", text_id, tokenizer, model, TrainConfig(max_steps=100)
    for attempt in (lambda: bring(store, "me", MB), lambda: launch(store, THREE, *started)):
        with pytest.raises(InputError, match=r"you hold 2\.9 MB\. What helps: delete texts"):
            attempt()
    store.wish(mine, "deleted")
    tidied(store)
    bring(store, "me", MB)


def test_a_run_larger_than_the_disk_is_refused_before_it_trains(store, simple_text):
    tokenizer = CharTokenizer.train(simple_text)
    text_id = store.add_text("me", "simple", simple_text)
    model, train = PRESETS["baby"].model(tokenizer.vocab_size), PRESETS["baby"].train
    with pytest.raises(InputError, match="no room for a run of"):
        launch(store, Limits(max_disk_mb=100), "me", "a run", text_id, tokenizer, model, train)
    launch(store, Limits(), "me", "a run", text_id, tokenizer, model, train)


def test_a_run_takes_about_the_disk_that_is_asked_for_it(fresh_store, small_run, exported):
    run = fresh_store.run(small_run)
    (held,) = (each for each in fresh_store.holdings() if each.kind == "run")
    assert 0.3 < held.bytes / room.run_bytes(run.model, run.train) < 3


def test_over_the_budget_the_largest_unseen_run_of_who_holds_most_goes(store, clock):
    small = [ended_run(store, "one", 300_000), ended_run(store, "one", 300_000)]
    large, largest = ended_run(store, "two", 900_000), ended_run(store, "two", 1_200_000)
    clock.now += 3_601
    store.look(largest)
    newest = ended_run(store, "two", 900_000)
    tidied(store)
    assert {run.id for run in store.runs()} == {*small, largest, newest}, large


def test_runs_go_only_if_that_reaches_the_budget(store, small_job):
    ended = ended_run(store, "one", 500_000)
    growing = small_job(store, "two")
    cleaner = tidied(store)
    assert growing in cleaner.trainings
    store.record(growing, Results(snapshots=[(1_000, bytes(4 * MB))]))
    cleaner._tidied_at = float("-inf")
    cleaner.turn()
    assert store.run(ended)
    assert store.run(growing).state == "paused" and growing not in cleaner.trainings
    assert "room on the disk is used up" in store.run(growing).reason
    assert "press Resume" in store.run(growing).reason


def test_a_run_paused_for_a_day_goes_from_a_full_disk_and_an_hour_does_not(store, clock, small_job):
    asleep = small_job(store, "two")
    store.record(asleep, Results(snapshots=[(0, bytes(4 * MB))]))
    store.wish(asleep, "paused")
    for hours, there in ((2, True), (25, False)):
        clock.now += 3_600 * hours
        tidied(store)
        assert store.has_run(asleep) == there
