import itertools
import re
from dataclasses import fields

import pytest
import torch
import torch.nn.functional as F

from minigpt.cache import KVCache
from minigpt.config import GPTConfig
from minigpt.interpret import Recorder, attention, chain
from minigpt.model import GPT, TAPS, new_model, no_tap, rotate, rotations

# Every combination of the architecture's switches: 384 models.
CHOICES = {
    spec.name: spec.metadata["choices"] or (True, False)
    for spec in fields(GPTConfig)
    if spec.type in (bool, str)
}
SWITCHES = [
    dict(zip(CHOICES, values, strict=True)) for values in itertools.product(*CHOICES.values())
]


@pytest.fixture(params=SWITCHES, ids=lambda switches: "-".join(map(str, switches.values())))
def any_model(request, tiny_config):
    """Far from zero, so that attention and logits are far from uniform."""
    model = new_model(tiny_config.replace(**request.param), seed=2)
    torch.manual_seed(2)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    return model.eval()


def test_the_switches_are_all_of_them():
    assert set(CHOICES) == {
        "bias", "tie_weights", "norm", "position", "activation", "qk_norm", "zero_init", "bigram",
    }  # fmt: skip
    assert len(SWITCHES) == 384


def test_logits_have_one_shape(any_model, ids):
    assert any_model(ids).shape == (2, 16, 11)
    assert any_model(ids[:1, :1]).shape == (1, 1, 11)


def test_future_tokens_cannot_change_past_logits(any_model, ids):
    changed = ids.clone()
    changed[:, 9:] = (changed[:, 9:] + 1) % 11
    before, after = any_model(ids), any_model(changed)
    torch.testing.assert_close(before[:, :9], after[:, :9])
    assert not torch.allclose(before[:, 9:], after[:, 9:])


def test_cached_logits_equal_uncached(any_model, ids):
    expected = any_model(ids)
    cache = KVCache(any_model.config, batch_size=2)
    for pieces in ([5, 1, 1, 9], [16]):
        parts = [any_model(piece, cache) for piece in ids.split(pieces, dim=1)]
        torch.testing.assert_close(torch.cat(parts, dim=1), expected, atol=1e-5, rtol=1e-4)
        assert cache.length == 16
        cache.clear()


def test_recorded_attention_and_its_logits_equal_fused(any_model, ids):
    recorder = Recorder()
    logits = any_model(ids, tap=recorder)
    torch.testing.assert_close(logits, any_model(ids), atol=1e-5, rtol=1e-4)
    for layer, block in enumerate(any_model.h):
        q, k, v, z = (recorder.activations[f"h.{layer}.attn.{name}"] for name in "qkvz")
        fused = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=block.attn.scale)
        torch.testing.assert_close(z, fused, atol=1e-5, rtol=0)


def test_tapped_and_cached_logits_equal_fused(any_model, ids):
    cache = KVCache(any_model.config, batch_size=2)
    parts = [any_model(piece, cache, Recorder()) for piece in ids.split([6, 10], dim=1)]
    torch.testing.assert_close(torch.cat(parts, dim=1), any_model(ids), atol=1e-5, rtol=1e-4)


def test_weight_shapes_told_by_the_config_are_those_of_the_model(any_model):
    shapes = {name: tuple(w.shape) for name, w in any_model.state_dict().items()}
    assert any_model.config.weight_shapes() == shapes


def test_a_cache_lives_where_its_model_lives(any_model, ids):
    """On a device without numbers, mixing devices fails as it would on a graphics card."""
    model, ids = any_model.to("meta"), ids.to("meta")
    cache = KVCache(model.config, batch_size=2, device=model.device)
    assert model(ids[:, :5], cache, Recorder()).shape == (2, 5, 11)
    assert model(ids[:, 5:], cache).device.type == "meta"


def test_rope_makes_attention_depend_on_the_distance_alone():
    config = GPTConfig(block_size=32, n_embd=8, n_head=1, position="rope")
    q, k = torch.randn(2, 8)
    q, k = (rotate(x.expand(1, 1, 32, 8), rotations(config))[0, 0] for x in (q, k))  # (T, D)
    scores = q @ k.T
    torch.testing.assert_close(scores.diagonal(-3), scores[3, 0].expand(29))
    assert not torch.allclose(scores[3, 0], scores[5, 0])


def test_with_zero_init_a_new_model_guesses_blindly(tiny_config, ids):
    model = new_model(tiny_config.replace(zero_init=True), seed=1)
    assert (model(ids) == 0).all()
    recorder = Recorder()
    model(ids, tap=recorder)
    assert torch.equal(recorder.activations["embed"], recorder.activations["h.1.resid_post"])


def test_normed_queries_and_keys_have_one_length(tiny_config, ids):
    for norm in ("layernorm", "rmsnorm"):
        config = tiny_config.replace(qk_norm=True, norm=norm, position="rope", n_embd=32)
        recorder = Recorder()
        new_model(config, seed=1)(ids, tap=recorder)
        for name in ("q", "k"):
            lengths = recorder.activations[f"h.0.attn.{name}"].norm(dim=-1)
            torch.testing.assert_close(lengths, torch.full_like(lengths, 4.0), rtol=0.1, atol=0)


@pytest.mark.parametrize("norm", ["layernorm", "rmsnorm"])
@pytest.mark.parametrize("n_embd", [16, 48])  # heads of 8 and of 24
def test_the_gain_is_the_largest_logit_whatever_the_size_of_the_heads(norm, n_embd):
    config = GPTConfig(11, 16, n_head=2, n_embd=n_embd, norm=norm, qk_norm=True, qk_gain=5.0)
    attn = new_model(config, seed=1).h[0].attn
    with torch.no_grad():  # queries are keys
        attn.c_attn.weight[n_embd : 2 * n_embd] = attn.c_attn.weight[:n_embd]
        attn.c_attn.bias.zero_()
    recorder = Recorder()
    attn(10 * torch.randn(1, 16, n_embd), None, 0, None, recorder)
    q, k, pattern = (recorder.activations[f"h.0.attn.{name}"] for name in ("q", "k", "pattern"))
    logits = (q @ k.mT * config.attention_scale).detach()
    assert float(logits.max()) == pytest.approx(5.0, abs=1e-4)
    softmaxed = (logits.tril() - torch.ones(16, 16).triu(1) * 1e9).softmax(dim=-1)
    torch.testing.assert_close(pattern, softmaxed)


def test_a_gain_is_the_same_in_fused_recorded_and_cached_attention(tiny_config, ids):
    config = tiny_config.replace(qk_norm=True, position="rope")
    plain = new_model(config, seed=2).eval()
    model = new_model(config.replace(qk_gain=30.0), seed=2).eval()
    for weights in (plain, model):
        torch.manual_seed(2)
        with torch.no_grad():
            for weight in weights.parameters():
                weight.add_(0.2 * torch.randn_like(weight))
    expected, cache = model(ids), KVCache(config, batch_size=2)
    parts = [model(piece, cache) for piece in ids.split([5, 1, 10], dim=1)]
    torch.testing.assert_close(torch.cat(parts, dim=1), expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(model(ids, tap=Recorder()), expected, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(plain(ids), expected, atol=1e-2)


@pytest.mark.parametrize("switches", [{}, {"qk_norm": True}, {"qk_gain": 9.0}])
def test_without_a_gain_attention_is_bit_for_bit_what_torch_makes_of_q_k_and_v(switches):
    """As it was before there was a gain, so that runs of before go on as they began."""
    model = new_model(GPTConfig(11, 16, n_head=2, n_embd=48, **switches), seed=1)  # heads of 24
    x, recorder = torch.randn(2, 16, 48), Recorder()
    attn = model.h[0].attn
    attn(x, None, 0, None, recorder)
    q, k, v = (recorder.activations[f"h.0.attn.{name}"] for name in "qkv")
    z = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    expected = attn.c_proj(z.transpose(1, 2).reshape(2, 16, 48))
    assert torch.equal(attn(x, None, 0, None, no_tap), expected)


def test_pairs_beyond_the_rows_of_the_bigram_embedding_share_them():
    config = GPTConfig(vocab_size=3_000, block_size=8, n_layer=1, n_embd=8, bigram=True)
    model = new_model(config, seed=1)
    assert len(model.bigram.weight) == config.bigram_rows == 16_384
    ids = torch.randint(0, 3_000, (64, 9))
    rows = model._pairs(ids)
    assert rows.min() >= 0 and rows.max() < 16_384
    assert len(rows.unique()) > 0.95 * rows.numel()  # 512 pairs over 16,384 rows seldom meet
    small = new_model(config.replace(vocab_size=100), seed=1)
    assert small._pairs(torch.tensor([[3, 4, 5]])).tolist() == [[304, 405]]


def shapes_of_taps(config: GPTConfig, B: int, T: int, S: int) -> dict[str, tuple[int, ...]]:
    """What TAPS promises of this architecture: names in their order, and shapes."""
    sizes = {
        "B": B, "T": T, "S": S, "C": config.n_embd, "H": config.n_head, "D": config.head_size,
        "M": config.n_hidden, "V": config.vocab_size,
    }  # fmt: skip
    missing = set() if config.bigram else {"embed.bigram"}
    missing |= {"embed.position"} if config.position == "rope" else set()
    shapes = {
        name: tuple(sizes[letter] for letter in shape.split())
        for name, shape in TAPS.items()
        if name not in missing
    }
    layered = [name for name in shapes if "{layer}" in name]
    order = [name for name in shapes if name not in layered]
    at = order.index("ln_f")
    order[at:at] = [name.format(layer=i) for i in range(config.n_layer) for name in layered]
    return {name: shapes[re.sub(r"^h\.\d+", "h.{layer}", name)] for name in order}


def test_taps_are_those_of_the_forward_pass_in_their_order(any_model, ids):
    recorder = Recorder()
    any_model(ids, tap=recorder)
    seen = {name: tuple(tensor.shape) for name, tensor in recorder.activations.items()}
    assert list(seen.items()) == list(shapes_of_taps(any_model.config, 2, 16, 16).items())
    cache = KVCache(any_model.config, batch_size=2)
    any_model(ids[:, :11], cache)
    recorder = Recorder()
    any_model(ids[:, 11:], cache, recorder)
    seen = {name: tuple(tensor.shape) for name, tensor in recorder.activations.items()}
    assert list(seen.items()) == list(shapes_of_taps(any_model.config, 2, 5, 16).items())


def test_every_tap_can_replace_what_it_sees(any_model, ids):
    logits = any_model(ids)
    for name in shapes_of_taps(any_model.config, 2, 16, 16):
        if not name.startswith("h.0"):
            silenced = any_model(ids, tap=lambda at, x, name=name: x * 0 if at == name else x)
            assert not torch.allclose(silenced, logits), name


def test_the_embeddings_add_up_to_what_the_first_block_reads(any_model, ids):
    recorder = Recorder()
    any_model(ids, tap=recorder)
    parts = [x for name, x in recorder.activations.items() if name.startswith("embed.")]
    torch.testing.assert_close(sum(parts), recorder.activations["embed"])
    assert torch.equal(recorder.activations["embed"], recorder.activations["h.0.resid_pre"])


def test_a_chain_of_taps_passes_on_what_each_returns(tiny_model, ids):
    first, second = Recorder(), Recorder()
    halved = chain(first, lambda name, x: x / 2 if name == "embed" else x, second)
    logits = tiny_model(ids, tap=halved)
    assert torch.equal(second.activations["embed"], first.activations["embed"] / 2)
    assert torch.equal(second.activations["logits"], logits)
    torch.testing.assert_close(tiny_model(ids, tap=chain()), tiny_model(ids))


def test_attention_rows_sum_to_one_and_look_only_back(any_model, ids):
    pattern = attention(any_model, ids[0].tolist())
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


def test_the_rows_of_the_newest_tokens_are_those_of_the_whole_text(tiny_model, ids):
    whole = attention(tiny_model, ids[0])
    for n in (1, 5, 15, 16, 40):
        part = attention(tiny_model, ids[0], newest=n)
        assert part.shape == whole[:, :, -n:].shape
        assert torch.allclose(part, whole[:, :, -n:], atol=1e-6)
