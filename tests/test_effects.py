"""What a head brings, and what is lost without it."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from minigpt.config import GPTConfig, InputError, NotFinite
from minigpt.interpret import (
    Recorder,
    attention,
    averages,
    chain,
    head_effects,
    next_probs,
    norm_weighted,
    sharpest,
    without,
)
from minigpt.model import new_model
from tests.test_heads import FAMILIES


@pytest.fixture
def windows() -> np.ndarray:
    return np.random.default_rng(0).integers(3, 11, (12, 16))


def losses(model, windows) -> torch.Tensor:
    """Of every token but the first of each window, the model as it is: (n,)."""
    ids = torch.from_numpy(windows)
    chances = model(ids)[:, :-1].log_softmax(-1)
    return -chances.gather(-1, ids[:, 1:, None])[..., 0].mean(1)


def columns(model, layer, head) -> torch.Tensor:
    """The part of a layer's c_proj that reads one head, a view of its weights: (C, D)."""
    D = model.config.head_size
    return model.h[layer].attn.c_proj.weight.data[:, head * D : (head + 1) * D]


def test_switching_a_head_off_leaves_the_others_alone(tiny_model, windows):
    """c_proj built by hand: head 0 writes the first four numbers of a token, head 1 the others."""
    ids, attn = torch.from_numpy(windows), tiny_model.h[0].attn
    attn.c_proj.weight.data.copy_(torch.eye(8))
    whole, left = Recorder(), Recorder()
    tiny_model(ids, tap=whole)
    tiny_model(ids, tap=chain(without(0, 0), left))
    before, after = (seen.activations["h.0.attn.out"] for seen in (whole, left))
    assert torch.equal(after[..., 4:], before[..., 4:])
    assert torch.equal(after[..., :4], attn.c_proj.bias[:4].expand(12, 16, 4))
    assert not torch.allclose(after[..., :4], before[..., :4])
    for name in ("h.0.attn.pattern", "h.0.attn.v"):
        assert torch.equal(whole.activations[name], left.activations[name])


def test_a_head_whose_output_nobody_reads_has_no_effect(tiny_model, windows):
    columns(tiny_model, 0, 0).zero_()
    for kind in ("zero", "mean"):
        effects = head_effects(tiny_model, windows, kind)
        assert effects.delta[0, 0] == effects.low[0, 0] == effects.high[0, 0] == 0
        assert (effects.delta[[0, 1, 1], [1, 0, 1]] != 0).all(), "and the others have theirs"


@pytest.mark.parametrize("head", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_zero_ablation_is_what_is_left_without_the_weights_that_read_the_head(
    tiny_model, windows, head
):
    effects = head_effects(tiny_model, windows)
    whole = losses(tiny_model, windows)
    columns(tiny_model, *head).zero_()
    expected = (losses(tiny_model, windows) - whole).mean().item()
    assert effects.delta[head] == pytest.approx(expected, abs=1e-5)
    assert effects.low[head] < effects.delta[head] < effects.high[head]
    assert effects.loss == pytest.approx(whole.mean().item(), abs=1e-5)


@pytest.mark.parametrize("position", ["learned", "rope"])
@pytest.mark.parametrize("head", [(0, 1), (1, 0)])
def test_mean_ablation_leaves_what_the_head_finds_on_average(position, head, windows):
    """Where positions are learned, at each place its own mean."""
    layer, h = head
    model = new_model(GPTConfig(11, 16, n_layer=2, n_head=2, n_embd=8, position=position), seed=1)
    effects = head_effects(model, windows, "mean", heads=[head])
    recorder, ids = Recorder(), torch.from_numpy(windows)
    whole = losses(model, windows)
    model(ids, tap=recorder)
    found = [list(one[h]) for one in recorder.activations[f"h.{layer}.attn.z"]]  # window, place
    at = [torch.stack([window[place] for window in found]).mean(0) for place in range(16)]
    mean = torch.stack(at if position == "learned" else [torch.stack(at).mean(0)])
    torch.testing.assert_close(averages(model, windows)[f"h.{layer}.attn.z"][0, h], mean)
    written = mean @ columns(model, *head).T
    columns(model, *head).zero_()

    def brought(name, tensor):
        return tensor + written if name == f"h.{layer}.attn.out" else tensor

    chances = model(ids, tap=brought)[:, :-1].log_softmax(-1)
    left = -chances.gather(-1, ids[:, 1:, None])[..., 0].mean(1)
    assert effects.delta[head] == pytest.approx((left - whole).mean().item(), abs=1e-5)


def test_only_the_heads_that_were_asked_have_an_effect(tiny_model, windows):
    all_of_them = head_effects(tiny_model, windows)
    one = head_effects(tiny_model, windows, heads=[(1, 0)])
    for part in ("delta", "low", "high"):
        asked, known = getattr(one, part), getattr(all_of_them, part)
        assert asked[1, 0] == known[1, 0] and np.isnan(np.delete(asked, 2)).all()
    few = head_effects(tiny_model, windows[:7], heads=[(1, 0)])
    assert np.isfinite(few.delta[1, 0]) and np.isnan(few.low[1, 0])


def test_what_cannot_be_switched_off_is_a_sentence(tiny_model, windows):
    for heads in ([(2, 0)], [(0, 2)], [(-1, 0)]):
        with pytest.raises(InputError, match="there is no head"):
            head_effects(tiny_model, windows, heads=heads)
        with pytest.raises(InputError, match="there is no head"):
            sharpest(tiny_model, windows, *heads[0])
    with pytest.raises(InputError, match="choose of zero, mean, resample"):
        head_effects(tiny_model, windows, "noise")
    with pytest.raises(InputError, match="17 tokens"):
        head_effects(tiny_model, np.zeros((12, 17), int))
    with torch.no_grad():
        tiny_model.wte.weight.fill_(float("nan"))
    for asked in (head_effects, lambda model, ids: next_probs(model, ids[0])):
        with pytest.raises(NotFinite):
            asked(tiny_model, windows)


def test_the_next_token_s_chances_with_and_without_a_head(tiny_model, windows):
    ids = windows[0][:9]
    whole, left = next_probs(tiny_model, ids), next_probs(tiny_model, ids, without(1, 0))
    assert whole.sum() == pytest.approx(1) == left.sum()
    expected = tiny_model(torch.from_numpy(ids)[None])[0, -1].softmax(-1)
    np.testing.assert_allclose(whole, expected.detach(), atol=1e-6)
    columns(tiny_model, 1, 0).zero_()
    np.testing.assert_allclose(left, next_probs(tiny_model, ids), atol=1e-6)
    with pytest.raises(InputError, match="0 tokens"):
        next_probs(tiny_model, [])


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: "-".join(map(str, f.values())))
@torch.no_grad()
def test_norms_are_those_of_every_vector_that_a_head_writes(family):
    torch.manual_seed(0)
    config = GPTConfig(vocab_size=11, block_size=16, n_layer=2, n_head=2, n_embd=8, **family)
    model = new_model(config, seed=1)
    for weight in model.parameters():
        weight.data.add_(0.3 * torch.randn_like(weight))
    ids, recorder = torch.randint(0, 11, (12,)), Recorder()
    model(ids[None], tap=recorder)
    found, weights = norm_weighted(model, ids), attention(model, ids)
    assert found.shape == weights.shape == (2, 2, 12, 12)
    assert not torch.allclose(found.sum(-1), torch.ones(2, 2, 12), atol=0.1)
    for layer, block in enumerate(model.h):
        x = block.ln_1(recorder.activations[f"h.{layer}.resid_pre"][0])  # (T, C)
        v = F.linear(x, block.attn.c_attn.weight[16:], block.attn.c_attn.bias[16:])  # (T, C)
        for h, j in np.ndindex(2, 12):
            f = columns(model, layer, h) @ v[j, 4 * h : 4 * h + 4]  # what j would write: (C,)
            lengths = (weights[layer, h, :, j, None] * f).norm(dim=-1)
            torch.testing.assert_close(found[layer, h, :, j], lengths, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(norm_weighted(model, ids, newest=3), found[:, :, -3:])


def test_a_bright_cell_can_carry_nothing(tiny_model, windows):
    columns(tiny_model, 1, 0).zero_()
    found = norm_weighted(tiny_model, windows[0])
    assert (found[1, 0] == 0).all() and found[1, 1].max() > 0
    assert attention(tiny_model, windows[0])[1, 0].max() > 0.1


def test_the_sharpest_places_are_the_largest_weights_one_a_window(tiny_model, windows):
    found = sharpest(tiny_model, windows, 1, 0, most=5)
    patterns = np.stack([attention(tiny_model, ids)[1, 0, 8:].numpy() for ids in windows])
    largest = patterns.max((1, 2))  # of each window
    assert [place.weight for place in found] == pytest.approx(np.sort(largest)[::-1][:5])
    assert len({place.window for place in found}) == 5
    for place in found:
        assert place.row >= 8 and place.column <= place.row
        assert patterns[place.window, place.row - 8, place.column] == pytest.approx(place.weight)
    assert len(sharpest(tiny_model, windows[:3], 1, 0)) == 3
