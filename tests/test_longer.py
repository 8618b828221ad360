"""Training a run longer: the learning rate is raised once more and falls over the further steps."""

import json

import pytest
import safetensors.torch
import torch

from minigpt import optim
from minigpt.config import InputError, Restart, TrainConfig
from minigpt.corpus import LIBRARY
from minigpt.engine import turns, worker
from minigpt.engine.training import Training
from minigpt.recipes import PRESETS
from minigpt.store import Store
from minigpt.tokenizers import CharTokenizer

RECIPE = TrainConfig(max_steps=100, schedule="trapezoid", cooldown=0.4, min_lr_ratio=0.0)


def trained(store: Store) -> None:
    trainer = worker.Worker(store)
    while trainer.turn():
        pass


def everything(store: Store, run_id: str) -> tuple:
    """All that has to be the same whatever came between: weights, optimizer, curve, samples."""
    state = safetensors.torch.load(store.checkpoint(run_id)[1])
    tensors = {name: t.numpy().tobytes() for name, t in state.items() if name != "seconds"}
    curves = store.curves(run_id)
    return tensors, curves.train_loss.tolist(), curves.lr.tolist(), store.samples(run_id)


@pytest.fixture
def one_step_slices(monkeypatch):
    monkeypatch.setattr(turns, "slice_seconds", lambda runs: 0.0)


def test_a_finished_run_falls_anew_from_the_share_it_is_given():
    longer = RECIPE.longer(100, 40, 0.3)
    assert longer.max_steps == 140 and longer.restarts == (Restart(100, 140, 0.3),)
    rates = [optim.rate(step, longer) for step in (100, 110, 120, 139, 140, 150)]
    assert rates == pytest.approx([0.3, 0.225, 0.15, 0.0075, 0.0, 0.0])
    assert [optim.rate(s, longer) for s in range(100)] == [
        optim.rate(s, RECIPE) for s in range(100)
    ]


def test_along_a_cosine_it_falls_to_where_the_first_one_ended():
    cosine = TrainConfig(max_steps=100, warmup_steps=10, min_lr_ratio=0.1).longer(100, 40, 0.3)
    rates = [optim.rate(step, cosine) for step in (100, 110, 120, 130, 140)]
    assert rates == pytest.approx([0.3, 0.2707107, 0.2, 0.1292893, 0.1])
    low = TrainConfig(max_steps=100, min_lr_ratio=0.5).longer(100, 40, 0.3)
    assert optim.rate(110, low) == 0.5, "never below where the rate ends"


def test_a_run_is_made_longer_twice_and_each_part_keeps_its_own_rate():
    twice = RECIPE.longer(100, 40, 0.3).longer(140, 20, 0.8)
    assert twice.restarts == (Restart(100, 140, 0.3), Restart(140, 160, 0.8))
    rates = [optim.rate(step, twice) for step in (80, 120, 140, 150, 159)]
    assert rates == pytest.approx([0.5, 0.15, 0.8, 0.4, 0.04])


def test_a_stopped_run_first_goes_to_the_end_of_its_plan():
    short = RECIPE.longer(60, 30)  # stopped at step 60 of 100
    assert short.max_steps == 90 and short.restarts == ()
    assert [optim.rate(s, short) for s in range(90)] == [optim.rate(s, RECIPE) for s in range(90)]
    assert short.longer(90, 10).restarts == (), "and on along it"
    beyond = short.longer(90, 30, 0.5)
    assert beyond.max_steps == 120 and beyond.restarts == (Restart(100, 120, 0.5),)
    assert optim.rate(99, beyond) == optim.rate(99, RECIPE)
    assert optim.rate(110, beyond) == pytest.approx(0.25)


def test_a_run_stopped_in_a_longer_training_keeps_that_plan_too():
    stopped = RECIPE.longer(100, 40, 0.3).longer(110, 50, 0.6)
    assert stopped.restarts == (Restart(100, 140, 0.3), Restart(140, 160, 0.6))
    assert optim.rate(120, stopped) == pytest.approx(0.15)


def test_a_run_that_an_older_minigpt_made_longer_falls_anew_from_where_it_is():
    older = RECIPE.replace(max_steps=150, lr_decay_steps=100)
    longer = older.longer(150, 50, 0.4)
    assert longer.restarts == (Restart(150, 200, 0.4),)
    assert optim.rate(130, longer) == 0.0 and optim.rate(175, longer) == pytest.approx(0.2)


def test_what_made_a_run_longer_survives_json_and_older_files_have_none():
    longer = RECIPE.longer(100, 40, 0.3)
    assert TrainConfig.from_json(longer.to_json()) == longer
    values = json.loads(RECIPE.to_json())
    del values["restarts"]
    assert TrainConfig.from_json(json.dumps(values)) == RECIPE
    assert longer.afresh() == RECIPE.replace(max_steps=140)


@pytest.mark.parametrize(
    "restarts",
    [
        3,
        "abc",
        [1],
        [[1, 2]],
        [{"end": 1}],
        [{"start": 5, "end": 5, "share": 0.3}],
        [{"start": 5, "end": 9, "share": 0.0}],
        [{"start": 5, "end": 9, "share": True}],
        [{"start": 5, "end": 9, "more": 1}],
        [{"start": 5, "end": 9}, {"start": 8, "end": 12}],
        [{"start": n, "end": n + 1} for n in range(1, 300)],
    ],
)
def test_restarts_from_a_file_are_checked(restarts):
    values = json.loads(RECIPE.to_json()) | {"restarts": restarts}
    with pytest.raises(InputError):
        TrainConfig.from_json(json.dumps(values))


def test_a_longer_training_learns(fresh_store):
    """The default recipe ends at a rate of zero: what went on at that rate learned nothing."""
    text = LIBRARY["tales"].read()[:20_000]
    tokenizer = CharTokenizer.train(text)
    preset = PRESETS["speedrun"]
    run_id = fresh_store.create_run(
        "me",
        "tales",
        fresh_store.add_text("me", "tales", text),
        tokenizer.to_json(),
        preset.model(tokenizer.vocab_size, n_embd=32),
        preset.train.replace(max_steps=64, batch_size=8),
    )
    trained(fresh_store)
    before = fresh_store.curves(run_id).val_loss[-1]
    fresh_store.extend(run_id, 88)
    trained(fresh_store)
    run, curves = fresh_store.run(run_id), fresh_store.curves(run_id)
    assert (run.state, run.step) == ("finished", 152)
    assert curves.val_loss[-1] < before - 0.05
    samples = dict(fresh_store.samples(run_id))
    assert samples[152] != samples[64]


def test_a_longer_training_that_is_interrupted_equals_one_that_is_not(
    fresh_store, small_run, one_step_slices
):
    run = fresh_store.run(small_run)
    twin = fresh_store.create_run("me", "t", run.text_id, run.tokenizer, run.model, run.train)
    trained(fresh_store)
    for run_id in (small_run, twin):
        fresh_store.extend(run_id, 12, 0.5)
    trainer = worker.Worker(fresh_store)
    while fresh_store.run(twin).step < 25:
        trainer.turn()
    fresh_store.wish(twin, "paused")
    trainer.turn()
    fresh_store.wish(twin, "running")
    trainer.turn()
    trainer.turn()
    trainer = worker.Worker(fresh_store)  # the one before has died: back to the checkpoint
    while trainer.turn():
        pass
    assert everything(fresh_store, small_run) == everything(fresh_store, twin)


def test_steps_made_again_before_a_longer_training_keep_their_rate(
    fresh_store, small_run, one_step_slices, monkeypatch
):
    """A worker died behind its last checkpoint, then the run was stopped and made longer."""
    whole = fresh_store.run(small_run)
    twin = fresh_store.create_run(
        "me", "t", whole.text_id, whole.tokenizer, whole.model, whole.train
    )
    trained(fresh_store)
    monkeypatch.setattr(Training, "checkpoint_due", False)
    fresh_store.extend(small_run, 5, 0.5)
    fresh_store.extend(twin, 5, 0.5)
    trainer = worker.Worker(fresh_store)
    while fresh_store.run(twin).step < 23:
        trainer.turn()
    dead = worker.Worker(fresh_store)
    dead._take_over()
    fresh_store.wish(twin, "stopped")
    for _ in range(20):
        dead.turn()
    stopped = fresh_store.run(twin)
    assert (stopped.state, stopped.step, fresh_store.checkpoint_step(twin)) == ("stopped", 23, 20)
    fresh_store.extend(twin, 10, 0.7)
    fresh_store.extend(small_run, 8, 0.7)
    trained(fresh_store)
    assert fresh_store.run(small_run).step == fresh_store.run(twin).step == 33
    assert everything(fresh_store, small_run) == everything(fresh_store, twin)
    assert torch.isfinite(torch.tensor(fresh_store.curves(twin).lr)).all()
