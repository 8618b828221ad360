"""What is deleted is gone: from the shelves, and byte by byte from the file and its log."""

import sqlite3

import pytest

from minigpt.config import GPTConfig, InputError, TrainConfig
from minigpt.engine import worker
from minigpt.metrics import Results
from minigpt.store import EVERYONE, Store, StoreError
from minigpt.store.files import StoreFull

SECRET = "the pin of my card is 4711"
DIARY = "".join(f"day {n}: {SECRET}, and nobody knows. " for n in range(2_000))
WEIGHTS = b"what it learned by heart " * 20_000


def anywhere(store: Store, words: str | bytes = SECRET) -> list[str]:
    """The files of the store in whose bytes these words stand."""
    sought = words.encode() if isinstance(words, str) else words
    return [f.name for f in sorted(store.folder.iterdir()) if sought in f.read_bytes()]


def run_on(store: Store, who: str, text_id: str | None) -> str:
    """An ended run that has the secret in its name, its tokenizer, a sample and its weights."""
    results = Results(
        samples=[(1, f"it writes: {SECRET}")],
        snapshots=[(0, WEIGHTS), (1, WEIGHTS + b"1")],
        checkpoint=(1, WEIGHTS + SECRET.encode()),
        state="finished",
    )
    return store.create_run(
        who, SECRET, text_id, f'"{SECRET}"', GPTConfig(), TrainConfig(), results=results
    )


def obey(store: Store) -> None:
    worker.Worker(store).turn()


@pytest.fixture
def plain_sqlite(monkeypatch):
    """SQLite as it is where whoever built it did not choose that deleted is overwritten."""
    connect = sqlite3.connect

    def connected(*args: object, **more: object) -> sqlite3.Connection:
        db = connect(*args, **more)
        db.execute("PRAGMA secure_delete = OFF")
        return db

    monkeypatch.setattr(sqlite3, "connect", connected)


@pytest.fixture
def store(plain_sqlite, tmp_path) -> Store:
    store = Store(tmp_path / "home")
    yield store
    store.close()


def test_a_deleted_text_is_gone_from_the_file_and_its_log(store):
    text_id = store.add_text("me", "my diary", DIARY)
    assert anywhere(store)
    store.drop_text("me", text_id)
    assert anywhere(store) == []


def test_a_deleted_run_is_gone_from_the_file_and_its_log(store):
    run_id = run_on(store, "me", None)
    assert anywhere(store) and anywhere(store, WEIGHTS[:100])
    store.wish(run_id, "deleted")
    obey(store)
    assert anywhere(store) == [] and anywhere(store, WEIGHTS[:100]) == []


def test_what_a_checkpoint_replaced_is_gone_too(store):
    run_id = run_on(store, "me", None)
    store.record(run_id, Results(checkpoint=(2, b"new"), kept=0))
    store.rename(run_id, "calm")
    store.wish(run_id, "deleted")
    obey(store)
    assert anywhere(store) == []


def test_forget_me_deletes_all_that_is_mine_and_nothing_else(store):
    mine = store.add_text("me", "my diary", DIARY)
    run_on(store, "me", mine), run_on(store, "me", None)
    store.add_text("me", "common", "a text of two")
    theirs = store.add_text("you", "theirs", "a text of two")
    other = store.create_run("you", "a run", theirs, "{}", GPTConfig(), TrainConfig())
    ours = store.create_run(EVERYONE, "demo", None, "{}", GPTConfig(), TrainConfig(), run_id="demo")
    store.forget("me")
    assert store.texts("me") == [] and store.runs("me") == []
    obey(store)
    assert anywhere(store) == []
    assert [text.id for text in store.texts("you")] == [theirs]
    assert store.text(theirs) == "a text of two"
    assert {run.id for run in store.runs()} == {other, ours}
    store.forget(EVERYONE)
    assert store.has_run("demo"), "what came with the app stays"


def test_a_text_that_another_s_run_needs_stays_for_it_alone(store):
    text_id = store.add_text("you", "ours", DIARY)
    store.add_text("me", "ours", DIARY)
    theirs = run_on(store, "you", text_id)
    store.drop_text("you", text_id)
    store.forget("me")
    assert not store.may_read("me", text_id)
    assert store.text(store.run(theirs).text_id) == DIARY
    store.forget("you")
    obey(store)
    with pytest.raises(InputError, match="no longer here"):
        store.text(text_id)
    assert anywhere(store) == []


def test_a_run_that_trains_is_forgotten_too(fresh_store, small_run, simple_text):
    trainer = worker.Worker(fresh_store)
    trainer.turn()
    assert small_run in trainer.trainings
    fresh_store.forget("me")
    trainer.turn()
    assert trainer.trainings == {} and fresh_store.runs() == []
    assert anywhere(fresh_store, simple_text[:40]) == []


def test_a_reader_that_comes_between_only_puts_it_off(store):
    text_id = store.add_text("me", "my diary", DIARY)
    other = sqlite3.connect(store.folder / "store.sqlite", isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM texts").fetchone()  # it reads on as things were
    store.drop_text("me", text_id)
    assert anywhere(store)
    other.execute("COMMIT")
    other.close()
    obey(store)
    assert anywhere(store) == []


# Deleting is what helps on a full disk.


def test_deleting_goes_first_even_where_nothing_more_can_be_written(
    fresh_store, small_run, monkeypatch
):
    trainer = worker.Worker(fresh_store)
    trainer.turn()
    record = fresh_store.record

    def full(run_id: str, results: Results) -> None:
        raise StoreError("store.sqlite – the disk is full: delete texts or runs")

    monkeypatch.setattr(fresh_store, "record", full)
    trainer.turn()
    assert "the disk is full" in trainer.health.trouble
    fresh_store.wish(small_run, "deleted")
    trainer.turn()
    assert fresh_store._db.rows("SELECT count(*) FROM runs") == [(0,)]
    monkeypatch.setattr(fresh_store, "record", record)
    trainer.turn()
    assert trainer.health.trouble == "" and trainer._unwritten == []


def test_deleting_takes_the_disk_that_is_kept_for_it(store, monkeypatch):
    text_id = store.add_text("me", "my diary", DIARY)
    run_id = run_on(store, "me", None)
    store.tidy()
    kept, check = store.folder / "store.reserve", store._db._files.check
    assert kept.stat().st_size > 1_000_000

    def full(*, writing: bool = False) -> None:
        if writing and kept.exists():
            raise StoreFull("store.sqlite – the disk is full: delete texts or runs")
        check(writing=writing)

    monkeypatch.setattr(store._db._files, "check", full)
    with pytest.raises(StoreError, match="delete texts or runs"):
        store.rename(run_id, "calm")
    store.drop_text("me", text_id)
    assert not kept.exists() and store.texts("me") == []
    monkeypatch.undo()
    store.tidy()
    assert kept.exists()
