"""Who may train: a run that would cost the others too much does not begin."""

import pytest

from minigpt import cli
from minigpt.engine import turns, worker
from minigpt.engine.speed import Speed
from minigpt.engine.training import Training
from minigpt.limits import Limits
from minigpt.model import GPT
from minigpt.store import Run, Store


@pytest.fixture(autouse=True)
def one_step_slices(monkeypatch):
    monkeypatch.setattr(turns, "slice_seconds", lambda runs: 0.0)


def put(store: Store, like: Run, workspace: str = "me", shape=(), **train) -> str:
    """A new run in line, like another but for these settings."""
    store.add_text(workspace, "simple", store.text(like.text_id))
    return store.create_run(
        workspace, "new", like.text_id, like.tokenizer, like.model.replace(**dict(shape)),
        like.train.replace(**train),
    )  # fmt: skip


def expect_refused(store: Store, run_id: str, said: str) -> None:
    """It rests as it came, and says why."""
    run = store.run(run_id)
    assert (run.state, run.wish, run.step) == ("paused", "paused", 0)
    assert said in run.reason and "take its settings into a new run" in run.reason


@pytest.fixture
def models(monkeypatch) -> list[GPT]:
    """Every model that is built from now on."""
    built, init = [], GPT.__init__

    def build(self, config):
        built.append(config)
        init(self, config)

    monkeypatch.setattr(GPT, "__init__", build)
    return built


def test_a_run_too_large_for_the_memory_never_begins_and_the_others_train(
    fresh_store, small_run, models
):
    """It comes another way than over the form: from before, or from other limits."""
    run = fresh_store.run(small_run)
    greedy = put(fresh_store, run, shape={"block_size": 1_024}, batch_size=1_024)
    trainer = worker.Worker(fresh_store, Limits(max_running_mb=250))
    while trainer.turn():
        pass
    expect_refused(fresh_store, greedy, "this installation has 250 MB for runs")
    assert fresh_store.run(small_run).state == "finished"
    assert models == [run.model], "nothing of it was brought into memory"
    fresh_store.wish(greedy, "running")  # whoever presses Resume is told the same
    trainer.turn()
    expect_refused(fresh_store, greedy, "this installation has 250 MB for runs")


def test_a_run_whose_steps_hold_up_all_others_never_begins(fresh_store, small_run, models):
    slow = {name: 1e5 * seconds for name, seconds in Speed.supposed().seconds.items()}
    fresh_store.keep_speed("this one", Speed(slow).to_json())
    worker.Worker(fresh_store, Limits()).turn()
    expect_refused(fresh_store, small_run, "lets the others wait for at most 30 s")
    assert not models


def test_runs_begin_only_as_far_as_the_memory_goes(fresh_store, small_run):
    run = fresh_store.run(small_run)
    shape, train = {"n_embd": 64, "block_size": 64}, {"batch_size": 64, "max_steps": 50}
    fresh_store.wish(small_run, "stopped")
    large = [put(fresh_store, run, name, shape, **train) for name in ("a", "b", "c")]
    takes = worker.memory_of(fresh_store, fresh_store.run(large[0]))
    limits = Limits(max_running_mb=1 + (takes.total + takes.kept) // 1_000_000)
    trainer = worker.Worker(fresh_store, limits)
    for _ in range(5):
        trainer.turn()
    states = [fresh_store.run(run_id).state for run_id in large]
    assert states == ["running", "running", "queued"]


def test_a_single_step_needs_no_place_but_memory(fresh_store, small_run):
    run = fresh_store.run(small_run)
    step = put(fresh_store, run, "you")
    fresh_store.wish(step, "paused")
    trainer = worker.Worker(fresh_store, Limits(max_running=1))
    trainer.turn()
    fresh_store.step(step)
    takes = worker.memory_of(fresh_store, run)
    trainer.limits = Limits(max_running=1, max_running_mb=takes.total // 1_000_000 + 1)
    trainer.turn()
    assert fresh_store.run(step).state == "queued"
    trainer.limits = Limits(max_running=1)
    trainer.turn()
    trainer.turn()
    assert (fresh_store.run(step).state, fresh_store.run(step).step) == ("paused", 1)


def test_the_command_line_refuses_it_too_and_names_its_options(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MINIGPT_MEMORY_MB", "1000")
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat. " * 500)
    options = ["--preset", "classic", "--batch-size", "1024", "--block-size", "1024"]
    assert cli.main(["train", str(text), *options]) == 1
    said = capsys.readouterr().err
    assert "error: --batch-size is 1,024 and --block-size is 1,024" in said
    assert "this installation has 250 MB for runs: set --accumulation-steps to at least" in said


def test_a_run_that_is_measured_on_much_text_is_not_taken_for_one_that_hangs(
    fresh_store, small_run, monkeypatch
):
    trainer, patience = worker.Worker(fresh_store), []
    monkeypatch.setattr(Speed, "seconds_to_measure", lambda *_: 100.0)
    slice_ = Training.slice

    def watched(self, *arguments):
        patience.append(trainer.health.patience)
        slice_(self, *arguments)

    monkeypatch.setattr(Training, "slice", watched)
    trainer.turn()
    assert patience == [worker.HUNG_SECONDS + worker.BUSY * 100.0]
