import itertools

import pytest
import torch

from minigpt.cache import KVCache
from minigpt.interpret import Recorder, attention
from minigpt.model import GPT
from minigpt.weights import new_model

SWITCHES = list(itertools.product([True, False], [True, False]))


@pytest.fixture(params=SWITCHES, ids=lambda s: f"bias={s[0]},tied={s[1]}")
def any_model(request, tiny_config, tiny_model):
    bias, tied = request.param
    model = new_model(tiny_config.replace(bias=bias, tie_weights=tied), seed=2)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(8) if weight.dim() > 1 else None
    return model.eval()


def test_logits_have_one_shape(any_model, ids):
    assert any_model(ids).shape == (2, 16, 11)
    assert any_model(ids[:1, :1]).shape == (1, 1, 11)


def test_future_tokens_cannot_change_past_logits(any_model, ids):
    changed = ids.clone()
    changed[:, 9:] = (changed[:, 9:] + 1) % 11
    before, after = any_model(ids), any_model(changed)
    torch.testing.assert_close(before[:, :9], after[:, :9])
    assert not torch.allclose(before[:, 9:], after[:, 9:])


@pytest.mark.parametrize("pieces", [[1] * 16, [16], [5, 1, 10], [7, 9]])
def test_cached_logits_equal_uncached(any_model, ids, pieces):
    cache = KVCache(any_model.config, batch_size=2)
    parts = [any_model(piece, cache) for piece in ids.split(pieces, dim=1)]
    torch.testing.assert_close(torch.cat(parts, dim=1), any_model(ids), atol=1e-5, rtol=1e-4)
    assert cache.length == 16


def test_tapped_logits_equal_fused(any_model, ids):
    torch.testing.assert_close(any_model(ids, tap=Recorder()), any_model(ids), atol=1e-5, rtol=1e-4)


def test_tapped_and_cached_logits_equal_fused(any_model, ids):
    cache = KVCache(any_model.config, batch_size=2)
    parts = [any_model(piece, cache, Recorder()) for piece in ids.split([6, 10], dim=1)]
    torch.testing.assert_close(torch.cat(parts, dim=1), any_model(ids), atol=1e-5, rtol=1e-4)


def test_the_tap_sees_every_named_activation_and_can_replace_it(tiny_model, ids):
    recorder = Recorder()
    logits = tiny_model(ids, tap=recorder)
    layers = [f"h.{i}.{name}" for i in range(2) for name in (
        "resid_pre", "attn.q", "attn.k", "attn.v", "attn.pattern", "attn.z", "attn.out",
        "resid_mid", "mlp.out", "resid_post",
    )]  # fmt: skip
    assert list(recorder.activations) == ["embed", *layers, "ln_f"]
    for name in recorder.activations:
        silenced = tiny_model(ids, tap=lambda at, x, name=name: x * 0 if at == name else x)
        assert not torch.allclose(silenced, logits), name


def test_attention_rows_sum_to_one_and_look_only_back(tiny_model, ids):
    pattern = attention(tiny_model, ids[0].tolist())
    assert pattern.shape == (2, 2, 16, 16)
    torch.testing.assert_close(pattern.sum(-1), torch.ones(2, 2, 16))
    assert (pattern.triu(1) == 0).all()


@pytest.mark.parametrize("n", [0, 17])
def test_attention_over_nothing_or_more_than_the_context_is_refused(tiny_model, n):
    with pytest.raises(ValueError, match="16"):
        attention(tiny_model, [3] * n)


def test_more_tokens_than_the_context_are_refused(tiny_model, ids):
    with pytest.raises(ValueError, match=r"17 tokens.*context of 16"):
        tiny_model(torch.zeros(1, 17, dtype=torch.long))
    cache = KVCache(tiny_model.config, batch_size=2)
    tiny_model(ids, cache)
    with pytest.raises(ValueError, match="17 tokens"):
        tiny_model(ids[:, :1], cache)


def test_dropout_is_silent_outside_training(tiny_config, ids):
    model = new_model(tiny_config.replace(dropout=0.5), seed=1)
    assert not torch.equal(model.train()(ids), model(ids))
    assert torch.equal(model.eval()(ids), model(ids))


def test_residual_projections_start_smaller(tiny_config):
    model = GPT(tiny_config.replace(n_embd=128, n_layer=8))
    assert model.h[0].mlp.c_proj.weight.std().item() == pytest.approx(0.02 / 4, rel=0.05)
    assert model.h[0].mlp.c_fc.weight.std().item() == pytest.approx(0.02, rel=0.05)
