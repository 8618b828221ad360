"""What a single step did: exact, and without changing what it does."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from minigpt.config import GPTConfig, TrainConfig
from minigpt.corpus import batch
from minigpt.engine import turns, worker
from minigpt.engine.jobs import job_of
from minigpt.engine.training import Training
from minigpt.metrics import SingleStep
from minigpt.model import new_model
from minigpt.trainer import Trainer, chance_of, part_of

MODERN = {"optimizer": "muon", "schedule": "trapezoid", "accumulation_steps": 2}


def trainer_at(step: int, stream, shape: GPTConfig, **settings) -> Trainer:
    config = TrainConfig(max_steps=12, batch_size=4, eval_interval=5, warmup_steps=3, **settings)
    trainer = Trainer(new_model(shape, seed=1), stream[:300], stream[300:], config)
    for _ in range(step):
        trainer.advance()
    return trainer


def flat(weights) -> np.ndarray:
    return np.concatenate([w.detach().numpy().ravel().astype(float) for w in weights])


@pytest.mark.parametrize("settings", [{}, MODERN], ids=["adamw", "muon"])
def test_loss_and_distance_are_those_of_an_independent_computation(
    tiny_config, token_stream, settings
):
    seen, plain = (trainer_at(6, token_stream, tiny_config, **settings) for _ in range(2))
    x, y = (torch.from_numpy(r) for r in batch(token_stream[:300], 16, 4, seed=1, step=6))

    def loss() -> float:
        with torch.no_grad():
            return F.cross_entropy(plain.model(x).flatten(0, 1), y.flatten()).item()

    before, weights = loss(), {n: w.detach().clone() for n, w in plain.model.named_parameters()}
    plain.advance()
    metrics, step = seen.advance_seen()
    assert step.loss_before == metrics.train_loss == pytest.approx(before, abs=1e-6)
    assert step.loss_after == pytest.approx(loss(), abs=1e-6)
    assert step.loss_after != pytest.approx(step.loss_before, abs=1e-4)
    assert step.ids == [*x[0].tolist(), int(y[0, -1])] and (step.step, step.pieces) == (7, 4)

    moved = {n: w.detach() - weights[n] for n, w in plain.model.named_parameters()}
    whole = np.linalg.norm(flat(moved.values())) / np.linalg.norm(flat(weights.values()))
    assert step.share_moved == pytest.approx(whole, rel=1e-5)
    shares = {}
    for part in {part_of(name) for name in weights}:
        names = [name for name in weights if part_of(name) == part]
        ways = [flat(of[name] for name in names) for of in (moved, weights)]
        assert step.moves[part] == pytest.approx([np.linalg.norm(way) for way in ways], rel=1e-5)
        shares[part] = np.linalg.norm(ways[0]) / np.linalg.norm(ways[1])
    name = max(shares, key=shares.get)
    assert step.furthest() == (name, pytest.approx(shares[name], rel=1e-5))


def test_both_losses_have_the_same_dropout(tiny_config, token_stream):
    shape = tiny_config.replace(dropout=0.5)
    trainer = trainer_at(3, token_stream, shape)
    _, step = trainer.advance_seen()
    x, y = (torch.from_numpy(r) for r in batch(token_stream[:300], 16, 4, seed=1, step=3))
    with torch.no_grad(), chance_of(1, 3, torch.device("cpu")):
        again = F.cross_entropy(trainer.model.train()(x).flatten(0, 1), y.flatten()).item()
    assert step.loss_after == pytest.approx(again, abs=1e-6)
    still = trainer_at(3, token_stream, shape, learning_rate=1e-6, weight_decay=0.0)
    _, step = still.advance_seen()
    assert step.loss_after == pytest.approx(step.loss_before, abs=1e-4), "only the weights count"


@pytest.mark.parametrize("settings", [{}, MODERN], ids=["adamw", "muon"])
def test_looking_changes_nothing(tiny_config, token_stream, settings):
    shape = tiny_config.replace(dropout=0.2)
    seen, plain = (trainer_at(4, token_stream, shape, **settings) for _ in range(2))
    seen.advance_seen()
    for _ in range(4):
        plain.advance()
    for _ in range(3):
        seen.advance()
    one, other = seen.state_dict(), plain.state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one if name != "seconds")


def test_weights_that_begin_at_zero_have_no_share():
    step = SingleStep(1, [1, 2], 4, 2.0, 1.9, {"lm_head": (0.5, 0.0), "wte": (3.0, 4.0)})
    assert step.furthest() == ("wte", 0.75)
    assert step.share_moved == pytest.approx((0.25 + 9) ** 0.5 / 4)
    nothing = SingleStep(1, [1, 2], 4, 2.0, 1.9, {"lm_head": (0.5, 0.0)})
    assert nothing.furthest() is nothing.share_moved is None
    back = SingleStep.from_json(step.to_json())
    assert back.furthest() == step.furthest() and back.ids == step.ids


def test_only_a_step_asked_for_by_itself_is_looked_at(fresh_store, small_run, monkeypatch):
    monkeypatch.setattr(turns, "slice_seconds", lambda runs: 0.0)
    looks = []
    seen = Trainer.advance_seen
    monkeypatch.setattr(Trainer, "advance_seen", lambda self: looks.append(1) or seen(self))
    trainer = worker.Worker(fresh_store)
    for _ in range(4):
        trainer.turn()
    fresh_store.wish(small_run, "paused")
    trainer.turn()
    assert not looks and fresh_store.single_step(small_run) is None
    fresh_store.step(small_run)
    while trainer.turn():
        pass
    run, step = fresh_store.run(small_run), fresh_store.single_step(small_run)
    assert (run.state, run.step, len(looks)) == ("paused", 5, 1)
    assert step.step == 5
    assert step.loss_before == fresh_store.curves(small_run).train_loss[-1]
    fresh_store.wish(small_run, "running")
    while trainer.turn():
        pass
    assert len(looks) == 1
    assert fresh_store.single_step(small_run) is None, "it is not the newest step any more"


def test_what_a_step_did_goes_with_what_was_forgotten(fresh_store, small_run):
    step = SingleStep(5, [1, 2], 4, 2.0, 1.9, {"wte": (3.0, 4.0)})
    training = Training(job_of(fresh_store, fresh_store.run(small_run)), trainer=None)
    training.single = step
    results = training.results(checkpoint=False)
    assert results.single is step and training.single is None
    fresh_store.record(small_run, results)
    fresh_store.rewind(small_run, 5)
    assert fresh_store.single_step(small_run).moves == {"wte": [3.0, 4.0]}
    fresh_store.rewind(small_run, 4)
    fresh_store.rewind(small_run, 5)
    assert fresh_store.single_step(small_run) is None
