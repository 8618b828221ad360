import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from minigpt import optim
from minigpt.config import TrainConfig
from minigpt.model import new_model


def groups_of(model, **settings):
    return [g for o in optim.optimizers(model, TrainConfig(**settings)) for g in o.param_groups]


def test_only_matrices_decay(tiny_config):
    decayed, free = groups_of(new_model(tiny_config, 1))
    assert all(w.dim() == 2 for w in decayed["params"]) and decayed["weight_decay"] == 0.1
    assert all(w.dim() == 1 for w in free["params"]) and free["weight_decay"] == 0


def test_muon_moves_the_matrices_of_the_blocks_and_adamw_all_else(tiny_config):
    model = new_model(tiny_config.replace(bigram=True), 1)
    *rest, moved = groups_of(model, optimizer="muon", muon_learning_rate=0.5)
    names = {id(w): name for name, w in model.named_parameters()}
    assert {names[id(w)] for w in moved["params"]} == {
        f"h.{i}.{name}.weight"
        for i in range(2)
        for name in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
    }
    assert moved["peak_lr"] == 0.5
    assert sum(len(g["params"]) for g in (*rest, moved)) == len(names)


def test_adamw_is_that_of_torch_to_the_last_bit():
    ours, theirs = (torch.linspace(-1, 1, 12).reshape(3, 4).requires_grad_() for _ in range(2))
    settings = {"lr": 0.1, "betas": (0.9, 0.99), "weight_decay": 0.1, "fused": True}
    chosen = optim.AdamW([ours], **settings), torch.optim.AdamW([theirs], **settings)
    for _ in range(3):
        for weight, optimizer in zip((ours, theirs), chosen, strict=True):
            optimizer.zero_grad()
            weight.sin().sum().backward()
            optimizer.step()
    assert torch.equal(ours, theirs)


def test_training_loads_no_compiler():
    code = """
import sys, numpy
from minigpt.config import GPTConfig, TrainConfig
from minigpt.model import new_model
from minigpt.trainer import Trainer
model = new_model(GPTConfig(vocab_size=9, block_size=4, n_layer=1, n_head=1, n_embd=4), 0)
config = TrainConfig(optimizer="muon", max_steps=2)
assert len(list(Trainer(model, numpy.arange(40) % 9, numpy.arange(9), config))) == 2
sys.exit("torch._dynamo" in sys.modules)
"""
    root = Path(optim.__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0


@pytest.mark.parametrize("shape", [(8, 8), (8, 32), (1, 5)])
def test_a_step_is_made_nearly_orthogonal(shape):
    torch.manual_seed(0)  # a matrix may come out nearly singular, and no step makes up for that
    x = torch.randn(3, *shape) * torch.tensor([1e-3, 1.0, 1e3])[:, None, None]
    u, _, vh = torch.linalg.svd(x, full_matrices=False)
    made = torch.linalg.svdvals(optim.orthogonal(x))
    assert made.min() > 0.17 and made.max() < 1.9
    along = (u.mT @ optim.orthogonal(x) @ vh.mT).diagonal(dim1=-2, dim2=-1)
    torch.testing.assert_close(along.sort().values, made.sort().values, atol=1e-3, rtol=1e-3)


def test_muon_treats_queries_keys_and_values_each_as_a_matrix():
    gradient = torch.randn(24, 8)
    weight = torch.nn.Parameter(torch.zeros(24, 8))
    weight.grad = gradient.clone()
    optim.Muon([weight], lr=1.0, weight_decay=0.0).step()
    for part, source in zip(weight.detach().chunk(3), gradient.chunk(3), strict=True):
        torch.testing.assert_close(part, -optim.orthogonal(source[None])[0], atol=1e-4, rtol=1e-3)


def test_a_tall_matrix_moves_further_and_decays():
    weight = torch.nn.Parameter(torch.ones(16, 4))
    weight.grad = torch.randn(16, 4)
    optim.Muon([weight], lr=0.1, weight_decay=0.5).step()
    moved = -(weight.detach() - 0.95) / 0.1
    expected = 2 * optim.orthogonal(weight.grad.mT[None])[0].mT
    torch.testing.assert_close(moved, expected, atol=1e-4, rtol=1e-3)


def test_the_cosine_rises_then_falls_to_its_floor():
    config = TrainConfig(max_steps=100, warmup_steps=10, min_lr_ratio=0.1)
    rates = [optim.rate(step, config) for step in range(101)]
    assert rates[0] == pytest.approx(1 / 11)
    assert rates[10] == 1.0 == max(rates)
    assert all(a < b for a, b in pairwise(rates[:11]))
    assert all(a > b for a, b in pairwise(rates[10:]))
    assert rates[100] == pytest.approx(0.1)


def test_the_trapezoid_stays_then_falls_in_a_straight_line():
    config = TrainConfig(
        max_steps=100, warmup_steps=10, schedule="trapezoid", cooldown=0.4, min_lr_ratio=0.0
    )
    rates = [optim.rate(step, config) for step in range(101)]
    assert rates[10:61] == [1.0] * 51
    assert rates[80] == pytest.approx(0.5)
    assert rates[99] == pytest.approx(1 / 40) and rates[100] == 0
    assert optim.rate(150, config) == 0


def test_every_group_follows_the_schedule_from_its_own_peak(tiny_config):
    config = TrainConfig(optimizer="muon", learning_rate=0.04, muon_learning_rate=0.02)
    chosen = optim.optimizers(new_model(tiny_config, 1), config)
    optim.set_progress(chosen, 500, config)
    share = optim.rate(500, config)
    rates = {group["lr"] for optimizer in chosen for group in optimizer.param_groups}
    assert rates == {0.04 * share, 0.02 * share}
