"""Token ids come in lists, arrays and tensors of any kind of int, and what else is said in words;
weights come in any precision."""

import copy
import pickle
import re

import numpy as np
import pytest
import torch

from minigpt.config import GPTConfig, InputError, SampleConfig, TrainConfig
from minigpt.evaluation import mean_loss
from minigpt.generation import generate
from minigpt.interpret import attention
from minigpt.model import new_model
from minigpt.recipes import PRESETS, Frozen
from minigpt.trainer import Trainer

KINDS = {
    "list": list,
    "tuple": tuple,
    "iterator": iter,
    "uint8": lambda ids: np.array(ids, dtype=np.uint8),
    "big-endian int16": lambda ids: np.array(ids, dtype=">i2"),
    "uint64": lambda ids: np.array(ids, dtype=np.uint64),
    "not contiguous": lambda ids: np.repeat(np.array(ids), 2)[::2],
    "tensor": torch.tensor,
    "uint16 tensor": lambda ids: torch.tensor(ids, dtype=torch.uint16),
}
BAD = {
    "above the vocabulary": ([3, 11], "run from 0 to 10: there is 11"),
    "negative": (np.array([3, -1]), "run from 0 to 10: there is -1"),
    "far above": (torch.tensor([2**40]), "there is 1099511627776"),
    "above all ints": ([2**70], "of type object"),
    "fractions": ([0.5, 1.0], "of type float64"),
    "a bfloat16 tensor": (torch.ones(3, dtype=torch.bfloat16), "one row of whole numbers"),
    "yes and no": (np.array([True, False]), "of type bool"),
    "letters": (["a", "b"], "whole numbers"),
    "a text": ("hello", "one row"),
    "nothing": (None, "one row"),
    "a number": (3, "one row"),
    "a batch": (torch.ones(1, 20, dtype=torch.long), r"the shape (1, 20)"),
    "ragged": ([[1, 2], [3]], "one row"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_ids_of_any_kind_train_write_and_show_attention_alike(tiny_config, tiny_model, kind):
    ids = [3 + i * i % 8 for i in range(60)]
    settings = TrainConfig(max_steps=2, batch_size=2)
    exact, other = (
        [m.val_loss for m in Trainer(new_model(tiny_config, 1), make(ids), make(ids), settings)]
        for make in (np.array, KINDS[kind])
    )
    assert other == exact
    make, sampling = KINDS[kind], SampleConfig(max_new_tokens=5)
    exact, other = (
        [step.id for step in generate(tiny_model, each(ids), sampling)] for each in (list, make)
    )
    assert other == exact
    assert torch.equal(attention(tiny_model, make(ids[:9])), attention(tiny_model, ids[:9]))


@pytest.mark.parametrize("what", BAD)
def test_ids_that_are_none_of_the_model_s_are_refused_in_words(tiny_config, tiny_model, what):
    ids, reason = BAD[what]
    good = [3, 4] * 20
    asks = {
        "training part": lambda: Trainer(tiny_model, ids, good, TrainConfig()),
        "validation part": lambda: Trainer(tiny_model, good, ids, TrainConfig()),
        "generate": lambda: generate(tiny_model, ids, SampleConfig()),
        "attention": lambda: attention(tiny_model, ids),
    }
    for name, ask in asks.items():
        with pytest.raises(InputError, match=re.escape(reason)):
            ask()
            raise AssertionError(name)


@pytest.mark.parametrize("empty", [[], (), np.array([]), torch.tensor([])], ids=repr)
def test_no_ids_are_no_validation_and_no_prompt(tiny_config, tiny_model, empty):
    trainer = Trainer(new_model(tiny_config, 1), [3, 4] * 20, empty, TrainConfig(max_steps=2))
    assert [metrics.val_loss for metrics in trainer] == [None, None]
    with pytest.raises(InputError, match=r"0 tokens, .* a context of 16 needs a text of 17"):
        Trainer(tiny_model, empty, empty, TrainConfig())
    with pytest.raises(InputError, match="the prompt is empty"):
        generate(tiny_model, empty, SampleConfig())
    with pytest.raises(InputError, match="0 tokens"):
        attention(tiny_model, empty)


def test_a_training_part_that_does_not_fill_a_context_is_refused(tiny_model):
    with pytest.raises(
        InputError, match=r"the text has 16 tokens, .* or choose a context of at most 15$"
    ):
        Trainer(tiny_model, [3] * 16, [], TrainConfig())
    with pytest.raises(InputError, match=r"the text has 1 token, .*: bring more text$"):
        Trainer(tiny_model, [3], [], TrainConfig())
    assert Trainer(tiny_model, [3] * 17, [], TrainConfig(max_steps=1)).advance().step == 1


MODERN = {"position": "rope", "norm": "rmsnorm", "qk_norm": True, "bigram": True}


@pytest.mark.parametrize("settings", [{}, MODERN], ids=["classic", "modern"])
@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float64], ids=str)
def test_a_model_in_another_precision_writes_is_scored_and_shows_attention(settings, kind):
    shape = GPTConfig(vocab_size=11, block_size=16, n_layer=2, n_head=2, n_embd=8, **settings)
    exact = new_model(shape, 1).eval()
    with torch.no_grad():
        for weight in exact.parameters():
            weight.mul_(4)
    ids = [3, 4, 5, 6, 7, 8, 9, 10]
    x, y = np.array([ids[:-1]]), np.array([ids[1:]])
    # `to` and the method of the type's own name go different ways to the weights.
    for model in (copy.deepcopy(exact).to(kind), copy.deepcopy(exact)._apply(lambda w: w.to(kind))):
        pattern = attention(model, ids)
        assert pattern.dtype == torch.float32 and pattern.numpy().shape == (2, 2, 8, 8)
        torch.testing.assert_close(pattern, attention(exact, ids), atol=0.05, rtol=0)
        assert mean_loss(model, x, y, 1) == pytest.approx(mean_loss(exact, x, y, 1), abs=0.1)
        steps = list(generate(model, ids, SampleConfig(max_new_tokens=20)))
        assert len(steps) == 20
        (first,) = generate(exact, ids, SampleConfig(max_new_tokens=1))
        odds, exactly = ({c.id: c.prob for c in s.candidates} for s in (steps[0], first))
        assert odds == pytest.approx(exactly, abs=0.05)
        for step in steps:
            assert sum(rival.drawn_from for rival in step.candidates) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])  # noqa: S301
def test_presets_and_configs_are_copied_and_pickled(way):
    for thing in (PRESETS, *PRESETS.values(), GPTConfig(), TrainConfig(), SampleConfig(top_k=3)):
        again = way(thing)
        assert again == thing and type(again) is type(thing)
    assert way(PRESETS)["classic"].model(100).num_parameters() == 145_764


def test_presets_cannot_be_changed():
    for frozen in (PRESETS, PRESETS["classic"].shape):
        assert isinstance(frozen, Frozen)
        with pytest.raises(TypeError):
            frozen["n_layer"] = 3
        with pytest.raises(AttributeError):
            frozen.update(n_layer=3)
