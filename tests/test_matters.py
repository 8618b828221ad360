"""Which part of a model matters: each taken out, and what the loss then is."""

import math

import numpy as np
import pytest
import torch

from minigpt.config import GPTConfig, InputError, NotFinite
from minigpt.corpus import WORLDS
from minigpt.evaluation import nats
from minigpt.interpret import (
    Part,
    averages,
    head_effects,
    head_scores,
    held_out_windows,
    parts_of,
    removed,
    token_effect,
    what_matters,
)
from minigpt.interpret.ablation import losses_without, recorded
from minigpt.interpret.intervals import paired
from minigpt.model import GPT, new_model
from minigpt.recipes import PRESETS
from minigpt.tokenizers import CharTokenizer
from minigpt.trainer import Trainer
from tests.test_lens import SHAPES, far_from_zero

KINDS = ("zero", "mean", "resample")
# Each value of every switch with each of every other: 7 divides none of their numbers.
SOME = [*list(SHAPES)[: -len(PRESETS) : 7], *PRESETS]


@pytest.fixture
def windows() -> np.ndarray:
    return np.random.default_rng(0).integers(3, 11, (10, 12))


@pytest.mark.parametrize("shape", SOME)
@torch.inference_mode()
def test_in_every_architecture_what_brings_nothing_is_no_loss(shape, tiny_config):
    """And a pass that goes on from the removed part's layer is a whole one, bit for bit."""
    model = far_from_zero(tiny_config.replace(**SHAPES[shape]))
    ids = torch.randint(3, 11, (3, 10), generator=torch.Generator().manual_seed(0))
    parts, kept = parts_of(model), recorded(model, ids.flip(0))
    whole, left = losses_without(model, ids.numpy(), parts, "zero")
    for part, losses in zip(parts, left.T, strict=True):
        again = nats(model(ids, tap=removed(part))[:, :-1], ids[:, 1:]).mean(1)
        assert torch.equal(again, torch.from_numpy(losses).float()), "goes on from its layer"
        assert (losses != whole).all(), "and counts"
        again = model(ids, tap=removed(part, kept))
        assert not torch.equal(again, model(ids, tap=removed(part)))
    block, D = model.h[1], model.config.head_size
    block.attn.c_proj.weight[:, :D] = 0  # W_O of head 0
    block.mlp.c_proj.weight.zero_()  # so that what the MLP writes is its bias, everywhere
    assert_nothing(model, ids, Part(1, 0, "head"), KINDS)
    assert_nothing(model, ids, Part(1, None, "mlp"), ("mean", "resample"))
    model.h[0].attn.c_proj.weight.zero_()
    model.h[0].mlp.c_proj.weight.zero_()
    assert_nothing(model, ids, Part(0, None, "layer"), ("mean", "resample"))


def assert_nothing(model, ids, part, kinds) -> None:
    """Bit for bit, that is: not even nearly something."""
    for kind in kinds:
        whole, left = losses_without(model, ids.numpy(), [part], kind)
        np.testing.assert_array_equal(left[:, 0], whole)


def test_where_all_windows_are_the_same_nothing_of_another_differs(tiny_model, windows):
    """The mean at each place is then what every window has there."""
    same = np.tile(windows[:1], (10, 1))
    for kind in ("mean", "resample"):
        found = what_matters(tiny_model, same, kind)
        assert not found.delta.any() and not found.seen.any()
        assert not token_effect(tiny_model, same[0], Part(1, None, "layer"), same, kind).any()


def forward_in_plain_loops(model: GPT, ids: list[int], without: Part | None) -> list[list[float]]:
    """Logits of one window by GPT-2's equations, number after number: no matrix, no tap."""
    c, w = model.config, {name: p.tolist() for name, p in model.named_parameters()}
    C, H, D = c.n_embd, c.n_head, c.head_size
    x = [[a + b for a, b in zip(w["wte.weight"][i], w["wpe.weight"][t], strict=True)]
         for t, i in enumerate(ids)]  # fmt: skip

    def norm(name, v):
        mean = sum(v) / len(v)
        scale = math.sqrt(sum((a - mean) ** 2 for a in v) / len(v) + 1e-5)
        gains, biases = w[f"{name}.weight"], w[f"{name}.bias"]
        return [(a - mean) / scale * g + b for a, g, b in zip(v, gains, biases, strict=True)]

    def linear(name, v):
        rows = zip(w[f"{name}.weight"], w[f"{name}.bias"], strict=True)
        return [sum(a * b for a, b in zip(row, v, strict=True)) + bias for row, bias in rows]

    def gelu(a):
        return 0.5 * a * (1 + math.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a**3)))

    for layer in range(c.n_layer):
        gone = without is not None and without.layer == layer
        qkv = [linear(f"h.{layer}.attn.c_attn", norm(f"h.{layer}.ln_1", v)) for v in x]
        for t in range(len(ids)):
            z = []
            for head in range(H):
                q = qkv[t][head * D : (head + 1) * D]
                keys = [qkv[s][C + head * D : C + (head + 1) * D] for s in range(t + 1)]
                values = [qkv[s][2 * C + head * D : 2 * C + (head + 1) * D] for s in range(t + 1)]
                weights = [math.exp(sum(a * b for a, b in zip(q, k, strict=True)) / math.sqrt(D))
                           for k in keys]  # fmt: skip
                found = [sum(weight * v[d] for weight, v in zip(weights, values, strict=True))
                         / sum(weights) for d in range(D)]  # fmt: skip
                z += [0.0] * D if gone and without.head == head else found
            if not (gone and without.kind == "layer"):
                x[t] = [
                    a + b for a, b in zip(x[t], linear(f"h.{layer}.attn.c_proj", z), strict=True)
                ]
        for t in range(len(ids)):
            if not (gone and without.kind in ("mlp", "layer")):
                hidden = linear(f"h.{layer}.mlp.c_fc", norm(f"h.{layer}.ln_2", x[t]))
                written = linear(f"h.{layer}.mlp.c_proj", [gelu(a) for a in hidden])
                x[t] = [a + b for a, b in zip(x[t], written, strict=True)]
    normed = [norm("ln_f", v) for v in x]
    return [linear("lm_head", v) for v in normed]


def losses_in_plain_loops(model, ids, without=None) -> list[float]:
    """Of every token but the first, in nats."""
    logits = forward_in_plain_loops(model, ids, without)
    return [math.log(sum(map(math.exp, row))) - row[token]
            for row, token in zip(logits, ids[1:], strict=False)]  # fmt: skip


def test_the_map_is_what_plain_loops_find(tiny_model, windows):
    windows = windows[:8, :9]
    found = what_matters(tiny_model, windows)
    assert found.parts == [
        Part(0, 0, "head"), Part(0, 1, "head"), Part(0, None, "mlp"), Part(0, None, "layer"),
        Part(1, 0, "head"), Part(1, 1, "head"), Part(1, None, "mlp"), Part(1, None, "layer"),
    ]  # fmt: skip
    whole = [losses_in_plain_loops(tiny_model, ids) for ids in windows.tolist()]
    assert found.loss == pytest.approx(np.mean(whole), abs=1e-5)
    for part, delta in zip(found.parts, found.delta, strict=True):
        left = [losses_in_plain_loops(tiny_model, ids, part) for ids in windows.tolist()]
        rise = np.subtract(left, whole)
        assert delta == pytest.approx(rise.mean(), abs=1e-5)
        by_token = token_effect(tiny_model, windows[0], part, windows)
        np.testing.assert_allclose(by_token, rise[0], atol=1e-4)


@pytest.mark.parametrize("position", ["learned", "rope"])
@pytest.mark.parametrize("kind", ["mean", "resample"])
@torch.inference_mode()
def test_what_stands_in_a_part_s_place_comes_out_of_other_windows(
    kind, position, tiny_config, windows
):
    """Of an MLP: its mean, at each place its own where positions are learned, or another's."""
    model, ids = far_from_zero(tiny_config.replace(position=position)), torch.from_numpy(windows)
    written = [recorded(model, one[None])["h.1.mlp.out"][0] for one in ids]  # each (T, C)
    if kind == "mean":
        each = torch.stack(written).mean(0)
        expected = [each if position == "learned" else each.mean(0).expand_as(each)] * len(ids)
        torch.testing.assert_close(
            averages(model, windows)["h.1.mlp.out"].expand(1, 12, 8)[0], expected[0]
        )
    else:
        expected = written

    def loss(one, written):
        logits = model(one, tap=lambda name, x: written[None] if name == "h.1.mlp.out" else x)
        return nats(logits[:, :-1], one[:, 1:]).mean().item()

    tried = np.array([[loss(one[None], other) for other in expected] for one in ids])
    _, left = losses_without(model, windows, [Part(1, None, "mlp")], kind, seed=3)
    donors = np.abs(tried - left).argmin(1)
    np.testing.assert_allclose(tried[range(10), donors], left[:, 0], atol=1e-5)
    if kind == "resample":
        assert sorted(donors) == list(range(10)) and (donors != range(10)).all()


def test_a_text_longer_than_the_windows_has_means_at_all_its_places(tiny_model, windows):
    text, part = [*windows[0], *windows[1, :4]], Part(0, 1, "head")
    for kind in KINDS:
        found = token_effect(tiny_model, text, part, windows, kind)
        assert found.shape == (15,) and found.all()
        assert token_effect(tiny_model, text[:1], part, windows, kind).shape == (0,)
    glued = windows.reshape(-1)[:112].reshape(7, 16)
    expected = token_effect(tiny_model, text, part, glued, "mean")
    np.testing.assert_array_equal(token_effect(tiny_model, text, part, windows, "mean"), expected)


def test_what_is_computed_at_once_changes_nothing(tiny_model, windows, monkeypatch):
    whole = {kind: what_matters(tiny_model, windows, kind) for kind in KINDS}
    monkeypatch.setattr("minigpt.interpret.windows.AT_ONCE", 1)
    told = []
    for kind in KINDS:
        again = what_matters(tiny_model, windows, kind, progress=told.append)
        np.testing.assert_allclose(again.delta, whole[kind].delta, atol=1e-6)
        assert len(told) == 80 and sorted(told) == told and told.pop() == 1
        told.clear()


def test_heads_by_themselves_have_the_effect_that_the_map_shows_more_surely(tiny_model, windows):
    for kind in KINDS:
        found, heads = (
            what_matters(tiny_model, windows, kind),
            head_effects(tiny_model, windows, kind),
        )
        at = [i for i, part in enumerate(found.parts) if part.kind == "head"]
        np.testing.assert_array_equal(found.delta[at], heads.delta.ravel())
        assert (found.low[at] < heads.low.ravel()).all(), "eight intervals at once are wider"
        assert found.level == 1 - 0.05 / 8


def test_an_interval_is_told_of_eight_windows_and_a_sentence_of_fewer(tiny_model, windows):
    many = np.random.default_rng(1).integers(3, 11, (60, 12))
    found = what_matters(tiny_model, many)
    assert found.windows == 60 and not found.notes
    assert ((found.low <= found.delta) & (found.delta <= found.high)).all()
    np.testing.assert_array_equal(found.seen, (found.low > 0) | (found.high < 0))
    assert found.seen.any() and not found.seen.all()
    few = what_matters(tiny_model, windows[:7])
    assert np.isfinite(few.delta).all() and np.isnan([few.low, few.high]).all()
    assert not few.seen.any() and "interval takes 8" in few.notes[0]


@pytest.mark.parametrize("n", [8, 16])
def test_intervals_hold_the_mean_as_often_as_they_say(n):
    """Of 40 parts without any effect, at the corrected level: nearly never is one seen, where the
    percentiles of so few windows would see one nearly always."""
    rng, level = np.random.default_rng(n), 1 - 0.05 / 40
    seen, wrong = 0, 0
    for seed in range(12):
        low, high = paired(rng.normal(size=(n, 40)), level, seed)
        seen += ((low > 0) | (high < 0)).any()
        low, high = paired(rng.normal(size=(n, 40)), seed=seed)
        wrong += ((low > 0) | (high < 0)).sum()
    assert seen <= 2
    assert 0.02 < wrong / 480 < 0.09, "at 95 %, of one part"


def test_a_part_that_counts_in_one_window_alone_is_not_sure():
    differences = np.zeros((16, 2))
    differences[3] = 1
    differences[:, 1] = 0
    low, high = paired(differences, 0.999)
    assert low[0] < 0 < high[0] and low[1] == high[1] == 0


def test_a_model_that_learned_to_repeat_needs_its_induction_head_most():
    """Its embedding of pairs tells what stands before each token, so that one head is enough."""
    text = WORLDS["induction"](seed=0).text(100_000)
    tokenizer = CharTokenizer.train(text)
    ids = tokenizer.encode_array(text)
    config = PRESETS["modern"].model(
        tokenizer.vocab_size, n_layer=2, n_head=2, n_embd=32, block_size=32
    )
    model, windows = new_model(config, seed=3), held_out_windows(ids[-10_000:], 32)
    train = PRESETS["modern"].train.replace(max_steps=120, batch_size=32, seed=3)
    for _ in Trainer(model, ids[:-10_000], ids[-10_000:], train):
        pass
    roles = head_scores(model, windows).roles
    for kind in KINDS:
        found = what_matters(model, windows, kind)
        order = [found.parts[i] for i in np.argsort(-found.delta)]
        first, second = [part for part in order if part.kind == "head"][:2]
        assert roles[first.layer][first.head] == "induction"
        at = {part: i for i, part in enumerate(found.parts)}
        assert found.low[at[first]] > found.high[at[second]], "and surely"


@pytest.mark.parametrize("heads", [1, 2])
def test_one_layer_has_its_parts_too(heads, windows):
    config = GPTConfig(11, block_size=16, n_layer=1, n_head=heads, n_embd=8)
    found = what_matters(far_from_zero(config), windows)
    assert len(found.parts) == heads + 2 and np.isfinite(found.delta).all()


def test_what_cannot_be_removed_is_a_sentence(tiny_model, windows):
    with pytest.raises(InputError, match="choose of zero, mean, resample"):
        what_matters(tiny_model, windows, "noise")
    for part in (Part(2, None, "mlp"), Part(-1, 0, "head"), Part(0, 2, "head")):
        with pytest.raises(InputError, match="there is no head"):
            token_effect(tiny_model, windows[0], part, windows)
    with pytest.raises(InputError, match="at least 2 windows"):
        what_matters(tiny_model, windows[:1], "resample")
    with pytest.raises(InputError, match="17 tokens"):
        what_matters(tiny_model, np.zeros((12, 17), int))
    with torch.no_grad():
        tiny_model.wte.weight.fill_(float("nan"))
    for kind in KINDS:
        with pytest.raises(NotFinite):
            what_matters(tiny_model, windows, kind)
        with pytest.raises(NotFinite):
            token_effect(tiny_model, windows[0], Part(0, 0, "head"), windows, kind)
