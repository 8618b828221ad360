import math
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch

from minigpt import devices
from minigpt.config import GPTConfig, SampleConfig, TrainConfig
from minigpt.corpus import Exam, split
from minigpt.evaluation import accuracy
from minigpt.generation import generate
from minigpt.model import new_model
from minigpt.recipes import PRESETS
from minigpt.tokenizers import CharTokenizer
from minigpt.trainer import Diverged, Trainer


def new_trainer(tiny_config, stream, **settings) -> Trainer:
    config = TrainConfig(
        **{"max_steps": 12, "batch_size": 3, "eval_interval": 5, "warmup_steps": 3, **settings}
    )
    return Trainer(new_model(tiny_config, seed=config.seed), stream[:300], stream[300:], config)


def test_every_step_yields_its_metrics(tiny_config, token_stream):
    trainer = new_trainer(tiny_config, token_stream)
    metrics = list(trainer)
    assert [m.step for m in metrics] == list(range(1, 13))
    assert [m.tokens for m in metrics] == [3 * 16 * step for step in range(1, 13)]
    assert [m.train_loss for m in metrics] == trainer.loss_history
    assert [m.step for m in metrics if m.val_loss is not None] == [1, 5, 10, 12]
    assert all(later.seconds > m.seconds for m, later in pairwise(metrics))


def test_a_new_model_is_as_surprised_as_blind_guessing(tiny_config, token_stream):
    first = next(iter(new_trainer(tiny_config, token_stream)))
    assert first.train_loss == pytest.approx(math.log(11), abs=0.05)


def test_a_tiny_model_learns_one_batch_by_heart(tiny_config):
    stream = np.random.default_rng(0).integers(3, 11, 17)  # exactly one window
    trainer = Trainer(
        new_model(tiny_config.replace(n_embd=32), seed=1),
        stream,
        stream[:0],
        TrainConfig(max_steps=150, batch_size=1, learning_rate=1e-2, warmup_steps=5),
    )
    assert list(trainer)[-1].train_loss < 0.05


MODERN = {"optimizer": "muon", "schedule": "trapezoid", "accumulation_steps": 2}


@pytest.mark.parametrize("settings", [{}, MODERN], ids=["adamw", "muon"])
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_a_resumed_run_equals_the_uninterrupted_one_bit_for_bit(
    tiny_config, token_stream, dropout, settings
):
    tiny_config = tiny_config.replace(dropout=dropout)
    whole = new_trainer(tiny_config, token_stream, **settings)
    expected = [(m.train_loss, m.val_loss, m.grad_norm) for m in whole]

    before, after = (new_trainer(tiny_config, token_stream, **settings) for _ in range(2))
    for _ in range(7):
        before.advance()
    state = before.state_dict()
    before.advance()  # what comes after must not leak into the state
    after.load_state_dict(state)
    seen = [(m.train_loss, m.val_loss, m.grad_norm) for m in after]

    assert seen == expected[7:]
    assert after.loss_history == whole.loss_history
    first, second = whole.state_dict(), after.state_dict()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first if name != "seconds")


def test_a_neighbour_s_chance_does_not_change_a_run(tiny_config, token_stream):
    tiny_config = tiny_config.replace(dropout=0.2)
    alone = [m.train_loss for m in new_trainer(tiny_config, token_stream)]
    beside = []
    for metrics in new_trainer(tiny_config, token_stream):
        beside.append(metrics.train_loss)
        torch.rand(7)
    assert beside == alone


def test_training_leaves_the_global_chance_untouched(tiny_config, token_stream):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    new_trainer(tiny_config.replace(dropout=0.2), token_stream).advance()
    assert torch.equal(torch.rand(1), expected)


def test_divergence_names_the_step_and_keeps_the_last_finite_weights(tiny_config, token_stream):
    trainer = new_trainer(tiny_config, token_stream)
    trainer.advance()
    kept = {name: w.clone() for name, w in trainer.model.state_dict().items()}
    trainer.model.register_forward_hook(lambda module, args, logits: logits * float("nan"))
    with pytest.raises(Diverged, match="step 2"):
        trainer.advance()
    assert trainer.step == 1
    assert all(torch.equal(kept[name], w) for name, w in trainer.model.state_dict().items())


def test_gradients_are_clipped(tiny_config, token_stream):
    trainer = new_trainer(tiny_config, token_stream, grad_clip=1e-3)
    _, norm = trainer._gradients(0)
    clipped = torch.nn.utils.get_total_norm([w.grad for w in trainer.model.parameters()])
    assert norm > 1e-2
    assert clipped.item() == pytest.approx(1e-3, rel=1e-3)


def test_without_a_validation_part_there_is_no_validation_loss(tiny_config, token_stream):
    trainer = Trainer(new_model(tiny_config, 1), token_stream, token_stream[:0], TrainConfig())
    assert trainer.advance().val_loss is None


@pytest.mark.parametrize("parts", [2, 3, 4])
def test_a_batch_read_in_parts_gives_the_same_gradients(tiny_config, token_stream, parts):
    whole, parted = (
        new_trainer(tiny_config, token_stream, batch_size=4, accumulation_steps=n)
        for n in (1, parts)
    )
    first, second = whole._gradients(0), parted._gradients(0)
    assert first == pytest.approx(second, rel=1e-5)
    for a, b in zip(whole.model.parameters(), parted.model.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, atol=1e-7, rtol=1e-4)


def test_where_bfloat16_is_slow_float32_is_used(tiny_config, token_stream, monkeypatch):
    exact = [m.train_loss for m in new_trainer(tiny_config, token_stream)]
    asked = {"precision": "bfloat16"}
    monkeypatch.setattr(devices, "has_fast_bfloat16", lambda device: False)
    assert [m.train_loss for m in new_trainer(tiny_config, token_stream, **asked)] == exact
    monkeypatch.setattr(devices, "has_fast_bfloat16", lambda device: True)
    coarse = [m.train_loss for m in new_trainer(tiny_config, token_stream, **asked)]
    assert coarse != exact and coarse == pytest.approx(exact, abs=0.02)


def test_a_compiled_model_learns_the_same(tiny_config, token_stream, monkeypatch):
    """With the backend that only traces: the others need a compiler."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    config = TrainConfig(max_steps=5, batch_size=3)
    plain, compiled = (
        Trainer(new_model(tiny_config, 1), token_stream, token_stream[:0], config, compiled=wish)
        for wish in (False, True)
    )
    assert [m.train_loss for m in compiled] == pytest.approx([m.train_loss for m in plain])
    assert compiled.state_dict().keys() == plain.state_dict().keys()


def test_the_diary(simple_text):
    """The first Mini-GPT: 2.85 → 0.03 on a simple text, then "hello" → more text."""
    tok = CharTokenizer.train(simple_text)
    preset = PRESETS["classic"]
    config = preset.train.replace(max_steps=500, val_fraction=0.0)
    train_ids, val_ids = split(np.array(tok.encode(simple_text)), 0.0, 512)
    trainer = Trainer(new_model(preset.model(tok.vocab_size), 1), train_ids, val_ids, config)
    for _ in trainer:
        if trainer.loss_history[-1] <= 0.03:
            break
    assert trainer.loss_history[0] >= 2.7
    assert trainer.loss_history[-1] <= 0.03

    steps = generate(
        trainer.model, tok.encode("hello"), SampleConfig(max_new_tokens=30, temperature=0.5)
    )
    written = "hello" + tok.decode([step.id for step in steps])
    assert {word.strip(",. ") for word in written.split()[:-1]} <= {"hello", "world", "moon", "sun"}
    assert isinstance(config, TrainConfig) and isinstance(trainer.model.config, GPTConfig)


def test_an_exam_counts_the_right_answers_where_it_asks(tiny_config):
    """A model that has learned a line by heart answers it, and nothing else is counted."""
    line = np.array([3, 4, 5, 6, 7, 8, 9, 10] * 30)
    asked = np.zeros((1, 16), dtype=bool)
    asked[0, 8:] = True
    exam = Exam(line[None, :16].astype(np.int64), line[None, 1:17].astype(np.int64), asked)
    config = TrainConfig(max_steps=60, batch_size=4, learning_rate=1e-2, eval_interval=60)
    trainer = Trainer(new_model(tiny_config, 1), line, line[:0], config, exam)
    metrics = list(trainer)
    assert [m.step for m in metrics if m.accuracy is not None] == [1, 60]
    assert metrics[-1].accuracy == 1.0
    wrong = Exam(exam.inputs, np.where(asked, 2, exam.targets), asked)
    assert accuracy(trainer.model, wrong) == 0.0
