import sqlite3
import threading

import numpy as np
import pytest

from minigpt.config import GPTConfig, InputError, TrainConfig
from minigpt.metrics import Metrics, Results
from minigpt.store import Store, StoreError
from minigpt.store.schema import MIGRATIONS


def row(step: int, val_loss: float | None = None) -> Metrics:
    return Metrics(step, step * 10, 2.5, val_loss, 1e-3, 0.5, step * 0.1)


def new_run(store: Store, workspace: str = "me", state: str | None = None) -> str:
    run_id = store.create_run(workspace, "a run", None, "{}", GPTConfig(), TrainConfig())
    if state:
        store.record(run_id, Results(state="running"))
        store.record(run_id, Results(state=state))
    return run_id


def test_the_same_text_is_kept_once_and_named_for_each_workspace(fresh_store):
    first = fresh_store.add_text("me", "mine", "some text")
    assert fresh_store.add_text("you", "yours", "some text") == first
    assert fresh_store.add_text("me", "renamed", "some text") == first
    assert [text.name for text in fresh_store.texts("me")] == ["renamed"]
    assert [text.name for text in fresh_store.texts("you")] == ["yours"]
    assert fresh_store.text(first) == "some text"


@pytest.mark.parametrize("body", ["\0 NUL", "é\u0301 ‏עברית 👩‍👩‍👧", "a\r\nb"])
def test_texts_survive_exactly(fresh_store, body):
    assert fresh_store.text(fresh_store.add_text("me", "t", body)) == body


def test_runs_are_listed_newest_first_and_only_to_their_workspace(fresh_store):
    first, second, other = new_run(fresh_store), new_run(fresh_store), new_run(fresh_store, "you")
    assert [run.id for run in fresh_store.runs("me")] == [second, first]
    assert [run.id for run in fresh_store.runs("me", "you")] == [other, second, first]
    assert len(fresh_store.runs()) == 3


def test_a_new_run_waits_to_be_started(fresh_store):
    run = fresh_store.run(new_run(fresh_store))
    assert (run.state, run.wish, run.step, run.active) == ("queued", "running", 0, True)
    assert (run.model, run.train) == (GPTConfig(), TrainConfig())


def test_results_are_kept_together(fresh_store):
    run_id = new_run(fresh_store)
    fresh_store.record(
        run_id,
        Results(
            [row(1), row(2, 2.25)], [(2, "text")], [(0, b"w0"), (2, b"w2")], (2, b"s"), "running"
        ),
    )
    curves = fresh_store.curves(run_id)
    assert curves.step.tolist() == [1, 2]
    assert curves.val_loss[1] == 2.25 and curves.val_loss[0] != curves.val_loss[0]
    assert fresh_store.samples(run_id) == [(2, "text")]
    assert fresh_store.snapshot_steps(run_id) == [0, 2]
    assert fresh_store.snapshot(run_id, 2) == b"w2"
    assert fresh_store.checkpoint(run_id) == (2, b"s")
    assert fresh_store.weights_step(run_id) == 2
    assert (fresh_store.run(run_id).step, fresh_store.run(run_id).state) == (2, "running")


def test_results_that_cannot_all_be_kept_are_not_kept_at_all(fresh_store):
    run_id = new_run(fresh_store)
    with pytest.raises(sqlite3.Error):
        fresh_store.record(run_id, Results([row(1)], [(1, "text")], [(1, None)]))
    assert len(fresh_store.curves(run_id).step) == 0
    assert fresh_store.samples(run_id) == []


def test_rewinding_forgets_what_came_after(fresh_store):
    run_id = new_run(fresh_store)
    fresh_store.record(
        run_id, Results([row(s) for s in (1, 2, 3)], [(3, "t")], [(2, b"w"), (3, b"w")])
    )
    fresh_store.rewind(run_id, 2)
    assert fresh_store.curves(run_id).step.tolist() == [1, 2]
    assert fresh_store.samples(run_id) == []
    assert fresh_store.snapshot_steps(run_id) == [2]
    assert fresh_store.run(run_id).step == 2


def test_a_long_run_can_be_read_thinned_with_its_newest_steps_and_validations(fresh_store):
    run_id = new_run(fresh_store)
    rows = [row(s, 2.0 if s % 777 == 0 else None) for s in range(1, 2_001)]
    fresh_store.record(run_id, Results(rows))
    thin = fresh_store.curves(run_id, most=100).step.tolist()
    assert set(range(20, 2_001, 20)) | {777, 1554} | set(range(1_951, 2_001)) == set(thin)
    assert fresh_store.curves(run_id).step.tolist() == list(range(1, 2_001))


def test_a_run_without_metrics_has_empty_curves(fresh_store):
    assert fresh_store.curves(new_run(fresh_store)).train_loss.shape == (0,)


def test_an_ended_run_takes_no_more_wishes_but_deletion(fresh_store):
    run_id = new_run(fresh_store, state="finished")
    for wish in ("running", "paused", "stopped"):
        with pytest.raises(InputError, match="finished"):
            fresh_store.wish(run_id, wish)
    fresh_store.wish(run_id, "deleted")
    assert fresh_store.runs("me") == []


def test_deleting_a_run_deletes_all_of_it(fresh_store):
    run_id = new_run(fresh_store)
    fresh_store.record(run_id, Results([row(1)], [(1, "t")], [(1, b"w")], (1, b"s")))
    fresh_store.delete_run(run_id)
    left = sqlite3.connect(fresh_store.folder / "store.sqlite")
    for table in ("runs", "metrics", "samples", "snapshots", "checkpoints"):
        assert left.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


@pytest.mark.parametrize("run_id", ["", "nope", "%", "'; DROP TABLE runs; --"])
def test_a_run_that_does_not_exist_is_told_so(fresh_store, run_id):
    new_run(fresh_store)
    with pytest.raises(InputError, match="there is no run"):
        fresh_store.run(run_id)
    with pytest.raises(InputError, match="no run begins"):
        fresh_store.find_run(run_id)


def test_a_run_is_found_by_the_beginning_of_its_id(fresh_store):
    run_id = new_run(fresh_store)
    assert fresh_store.find_run(run_id[:10]).id == run_id


def test_a_run_is_found_by_its_name_where_no_other_has_it(fresh_store):
    run_id = new_run(fresh_store)
    assert fresh_store.find_run("a run").id == run_id
    with pytest.raises(InputError, match="did you mean 'a run'"):
        fresh_store.find_run("A rum")
    new_run(fresh_store)
    with pytest.raises(InputError, match="2 runs begin with 'a run' or are called so"):
        fresh_store.find_run("a run")
    fresh_store.rename(run_id, fresh_store.runs()[0].id[:8])
    with pytest.raises(InputError, match="2 runs"):  # also where one's name begins another's id
        fresh_store.find_run(fresh_store.runs()[0].id[:8])


def test_a_store_opens_again_with_all_that_was_in_it(fresh_store):
    run_id = new_run(fresh_store)
    again = Store(fresh_store.folder)
    assert again.run(run_id).name == "a run"
    again.close()


def test_a_store_of_a_newer_version_is_refused(fresh_store):
    fresh_store._db._writer.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(InputError, match="newer"):
        Store(fresh_store.folder)


def test_a_wish_that_is_so_already_changes_nothing(fresh_store):
    run_id = new_run(fresh_store)
    for _ in range(2):
        fresh_store.wish(run_id, "paused")
    run = fresh_store.run(run_id)
    assert (run.state, run.wish) == ("queued", "paused")


def test_a_resume_that_crosses_its_pause_puts_the_run_back_in_line(fresh_store):
    run_id = new_run(fresh_store, state="running")
    fresh_store.wish(run_id, "paused")
    fresh_store.wish(run_id, "running")  # before the worker has written that it paused
    fresh_store.record(run_id, Results(state="paused"))
    assert [run.id for run in fresh_store.line()] == [run_id]


def test_states_change_only_as_they_may(fresh_store):
    run_id = new_run(fresh_store)
    with pytest.raises(ValueError, match="queued to finished"):
        fresh_store.record(run_id, Results(state="finished"))


def test_an_imported_run_cannot_train_longer(fresh_store):
    run_id = fresh_store.create_run(
        "me", "a run", None, "{}", GPTConfig(), TrainConfig(), results=Results(state="finished")
    )
    with pytest.raises(InputError, match="without its text or what its optimizer knew"):
        fresh_store.extend(run_id, 10)


@pytest.mark.parametrize("state", ["queued", "running", "paused", "diverged", "failed"])
def test_only_a_finished_or_stopped_run_trains_longer(fresh_store, state):
    run_id = new_run(fresh_store)
    if state != "queued":
        fresh_store.record(run_id, Results(state="running"))
        fresh_store.wish(run_id, "paused" if state == "paused" else "running")
        fresh_store.record(run_id, Results(state=state))
    with pytest.raises(InputError, match=f"this run is {state}"):
        fresh_store.extend(run_id, 10)


@pytest.mark.parametrize("name", ["", "  ", "x" * 81])
def test_a_name_is_short_and_not_empty(fresh_store, name):
    run_id = new_run(fresh_store)
    with pytest.raises(InputError, match="between 1 and 80"):
        fresh_store.rename(run_id, name)
    assert fresh_store.run(run_id).name == "a run"


def test_a_text_that_is_gone_is_a_sentence_not_a_broken_run(fresh_store):
    with pytest.raises(InputError, match="no longer here"):
        fresh_store.create_run("me", "a run", "gone", "{}", GPTConfig(), TrainConfig())
    assert fresh_store.runs() == []


def test_a_file_that_is_no_store_is_told_in_a_sentence(tmp_path):
    (tmp_path / "store.sqlite").write_text("this is no database at all" * 100)
    with pytest.raises(StoreError, match="not a store"):
        Store(tmp_path)


def test_a_new_file_that_another_is_just_opening_is_waited_for(tmp_path):
    path = tmp_path / "store.sqlite"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.3, other.execute, ["ROLLBACK"]).start()
    store = Store(tmp_path)
    assert store.runs() == []
    store.close()
    other.close()


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_a_store_of_every_earlier_version_is_brought_up_to_date(tmp_path, version):
    """A run kept by an earlier version is read, and goes on."""
    old = sqlite3.connect(tmp_path / "store.sqlite")
    for script in MIGRATIONS[:version]:
        old.executescript(script)
    config, train = GPTConfig(5, block_size=4, n_layer=1, n_head=1, n_embd=4), TrainConfig()
    old.execute("INSERT INTO texts (id, body, characters) VALUES ('t', 'abab', 4)")
    old.execute(
        "INSERT INTO runs (id, workspace, name, text_id, tokenizer, model, train, state, wish, "
        "created_at) VALUES ('r', 'me', 'old', 't', '', ?, ?, 'running', 'running', 1.0)",
        (config.to_json(), train.to_json()),
    )
    old.execute(
        "INSERT INTO metrics (run_id, step, tokens, train_loss, lr, grad_norm, seconds) "
        "VALUES ('r', 1, 4, 1.5, 0.1, 1.0, 0.1)"
    )
    old.execute(f"PRAGMA user_version = {version}")
    old.commit()
    old.close()
    store = Store(tmp_path)
    run = store.run("r")
    assert (run.model, run.train, run.characters_per_token) == (config, train, 1.0)
    assert not run.imported
    if version == 1:
        assert (run.queued_at, run.viewed_at) == (1.0, 1.0)
    curves = store.curves("r")
    assert curves.train_loss.tolist() == [1.5] and np.isnan(curves.accuracy).all()
    assert store.origin("t") == "" and store.text("t") == "abab"
    store.requeue()
    assert [waiting.id for waiting in store.line()] == ["r"]
    store.close()


def test_a_deleted_text_is_gone_once_no_shelf_and_no_run_needs_it(fresh_store, small_run):
    text_id = fresh_store.run(small_run).text_id
    fresh_store.add_text("another", "the same", fresh_store.text(text_id))
    fresh_store.drop_text("me", text_id)
    assert fresh_store.texts("me") == []
    assert not fresh_store.may_read("me", text_id)
    assert [text.id for text in fresh_store.texts("another")] == [text_id]
    fresh_store.drop_text("another", text_id)
    assert fresh_store.text(text_id)  # the run trains on
    fresh_store.delete_run(small_run)
    with pytest.raises(InputError, match="no longer here"):
        fresh_store.text(text_id)


def test_a_workspace_is_handed_over_with_all_that_is_its_own_and_nothing_else(fresh_store):
    mine, yours = (fresh_store.add_text(who, "t", f"text of {who}") for who in ("me", "you"))
    run, other = new_run(fresh_store), new_run(fresh_store, "you")
    fresh_store.hand_over("me", "me anew")
    assert fresh_store.texts("me") == [] == fresh_store.runs("me")
    assert [text.id for text in fresh_store.texts("me anew")] == [mine]
    assert [each.id for each in fresh_store.runs("me anew")] == [run]
    assert not fresh_store.may_read("me", mine) and fresh_store.may_read("me anew", mine)
    assert [text.id for text in fresh_store.texts("you")] == [yours]
    assert [each.id for each in fresh_store.runs("you")] == [other]


def test_nobody_deletes_another_s_text(fresh_store):
    text_id = fresh_store.add_text("me", "mine", "a text of mine")
    fresh_store.drop_text("another", text_id)
    assert fresh_store.text(text_id) == "a text of mine"
