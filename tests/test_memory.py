"""What a run is said to take in memory, against what torch holds while it trains."""

import pytest
import torch
import torch.nn.functional as F

from minigpt import memory, weights
from minigpt.cache import KVCache
from minigpt.config import GPTConfig, TrainConfig
from minigpt.interpret.taps import Recorder
from minigpt.memory import Memory
from minigpt.model import new_model
from minigpt.recipes import PRESETS
from minigpt.trainer import Trainer

SHAPE = GPTConfig(vocab_size=50, block_size=32, n_layer=2, n_head=2, n_embd=32)
SHAPES = {
    "plain": {}, "deep": {"n_layer": 6}, "heads": {"n_head": 16}, "words": {"vocab_size": 4_000},
    "rope": {"position": "rope"}, "qk_norm": {"position": "rope", "qk_norm": True},
    "rmsnorm": {"norm": "rmsnorm"}, "relu2": {"activation": "relu2"},
    "swiglu": {"activation": "swiglu"}, "dropout": {"dropout": 0.1},
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_what_the_backward_pass_needs_is_counted(name):
    """torch itself tells which tensors of the forward pass it holds for the backward one."""
    config = SHAPE.replace(**SHAPES[name])
    model = new_model(config, seed=0).train()
    own = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    held: dict[int, torch.UntypedStorage] = {}

    def hold(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            held[storage.data_ptr()] = storage
        return tensor

    ids = torch.randint(0, config.vocab_size, (16, config.block_size))
    with torch.autograd.graph.saved_tensors_hooks(hold, lambda tensor: tensor):
        logits = model(ids)
        F.cross_entropy(logits.flatten(0, 1), ids.flatten())
    counted = sum(storage.nbytes() for storage in held.values()) / ids.numel() / memory.NUMBER
    # Besides it, a step holds two more of the logits' size, and gradients inside one layer.
    said = memory.numbers_per_token(config) - 2 * config.vocab_size - 2 * config.n_hidden
    assert 0.8 < said / counted < 1.25


@pytest.mark.parametrize("name", ["gpt2", "modern"])
def test_weights_and_checkpoint_are_counted_by_their_bytes(name):
    preset = PRESETS[name]
    model, train = preset.model(60), preset.train.replace(batch_size=1)
    ids = torch.randint(0, 60, (1_000,)).numpy()
    trainer = Trainer(new_model(model, 0), ids, ids[:0], train)
    trainer.advance()
    checkpoint = len(weights.to_bytes(trainer.state()))
    muon = sum(w.numel() for o in trainer.optimizers[1:] for w in o.param_groups[0]["params"])
    sound = sum(weight.nbytes for weight in trainer._sound)
    takes = memory.of_run(model, train)
    assert takes.kept - memory.OF_A_RUN == pytest.approx(checkpoint + sound, rel=0.02)
    most = max(2 * checkpoint, 4 * (model.num_parameters() + memory.MUON * muon))
    assert takes.moment == pytest.approx(most, rel=0.02)


def test_a_batch_read_in_parts_takes_the_memory_of_a_part():
    train = TrainConfig(batch_size=512)
    whole = memory.of_run(SHAPE, train).moment
    parts = memory.of_run(SHAPE, train.replace(accumulation_steps=16)).moment
    assert whole / 16 < parts < whole / 8


def test_what_runs_keep_adds_up_and_what_their_turns_take_does_not():
    assert memory.together([Memory(5, 100), Memory(7, 40)]) == 112


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_held_while_one_looks_is_that_of_a_real_pass(name):
    config = SHAPE.replace(**SHAPES[name])
    seen = Recorder(lambda tap: True)
    with torch.inference_mode():
        new_model(config, seed=0).eval()(torch.zeros(1, 20, dtype=torch.long), tap=seen)
    bytes_of = {tap: tensor.nbytes for tap, tensor in seen.activations.items()}
    large = memory.COPIES * (bytes_of["h.0.attn.pattern"] + bytes_of["logits"])
    stream = bytes_of["embed"] + sum(
        size for tap, size in bytes_of.items() if tap.endswith(("resid_mid", "resid_post"))
    )
    layer = 6 * bytes_of["h.0.attn.out"] + 2 * bytes_of["h.0.mlp.hidden"]
    assert memory.of_look(config, 20) == large + stream + layer


def test_keys_and_values_are_counted_by_their_bytes():
    cache = KVCache(SHAPE, batch_size=3)
    held = sum(each.nbytes for each in (*cache.keys, *cache.values))
    assert memory.of_cache(SHAPE, 3 * SHAPE.block_size) == held
    assert memory.of_weights(SHAPE) == sum(w.nbytes for w in new_model(SHAPE, 0).parameters())
