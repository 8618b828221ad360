"""The arithmetic of one prediction, done once more by numpy alone, in every architecture."""

import math
from dataclasses import fields

import numpy as np
import pytest
import torch

from minigpt.config import InputError, NotFinite
from minigpt.interpret import attention, edited, set_by_hand, walk
from minigpt.model import GPT, new_model
from tests.test_model import SWITCHES

IDS = [3, 7, 1, 1, 9, 4, 0, 10]


def by_numpy(model: GPT, ids: list[int], layer: int, head: int) -> dict[str, np.ndarray]:
    """Every number of the walk out of the weights, position by position, with no use of torch."""
    config = model.config
    W = {name: tensor.double().numpy() for name, tensor in model.state_dict().items()}
    T, C, H, D = len(ids), config.n_embd, config.n_head, config.head_size

    def norm(x: np.ndarray, name: str | None = None) -> np.ndarray:
        if config.norm == "rmsnorm":
            return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5)
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5)
        return x if name is None else x * W[f"{name}.weight"] + W.get(f"{name}.bias", 0)

    def linear(x: np.ndarray, name: str) -> np.ndarray:
        return x @ W[f"{name}.weight"].T + W.get(f"{name}.bias", 0)

    def turned(x: np.ndarray) -> np.ndarray:  # (T, D)
        out = x.copy()
        for t in range(T):
            for i in range(D // 2):
                angle = t * 10_000.0 ** (-2 * i / D)
                a, b = x[t, 2 * i], x[t, 2 * i + 1]
                out[t, 2 * i] = a * math.cos(angle) - b * math.sin(angle)
                out[t, 2 * i + 1] = a * math.sin(angle) + b * math.cos(angle)
        return out

    def bent(x: np.ndarray) -> np.ndarray:
        if config.activation == "relu2":
            return np.maximum(x, 0) ** 2
        if config.activation == "swiglu":
            gate, value = np.split(x, 2, axis=-1)
            return gate / (1 + np.exp(-gate)) * value
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))

    def softmax(x: np.ndarray) -> np.ndarray:
        e = np.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)

    out = {"token": W["wte.weight"][ids[-1]], "position": None, "bigram": None}
    x = W["wte.weight"][ids]  # (T, C)
    if config.bigram:
        pairs = [a * config.vocab_size + b for a, b in zip([0, *ids[:-1]], ids, strict=True)]
        x = x + W["bigram.weight"][pairs]
        out["bigram"] = W["bigram.weight"][pairs[-1]]
    if config.position == "learned":
        x = x + W["wpe.weight"][:T]
        out["position"] = W["wpe.weight"][T - 1]
    out["embed"] = x[-1]
    scale = 1 / math.sqrt(D)
    for at in range(config.n_layer):
        normed = norm(x, f"h.{at}.ln_1")
        found = np.empty((T, C))
        for h in range(H):
            mine = slice(h * D, (h + 1) * D)
            q, k, v = (
                part[:, mine] for part in np.split(linear(normed, f"h.{at}.attn.c_attn"), 3, 1)
            )
            if config.qk_norm:
                q, k = norm(q), norm(k)
            if config.position == "rope":
                q, k = turned(q), turned(k)
            scores = scale * q @ k.T
            weights = np.array(
                [[*softmax(scores[t, : t + 1]), *[0] * (T - t - 1)] for t in range(T)]
            )
            found[:, mine] = weights @ v
            if (at, h) == (layer, head):
                projection = W[f"h.{at}.attn.c_proj.weight"][:, mine]
                out |= {
                    "resid_pre": x[-1], "normed": normed[-1], "q": q[-1], "k": k, "v": v,
                    "scores": scores[-1], "weights": weights[-1], "z": found[-1, mine],
                    "written": projection @ found[-1, mine],
                }  # fmt: skip
        mid = x + linear(found, f"h.{at}.attn.c_proj")
        normed = norm(mid, f"h.{at}.ln_2")
        hidden = bent(linear(normed, f"h.{at}.mlp.c_fc"))
        mlp = linear(hidden, f"h.{at}.mlp.c_proj")
        x = mid + mlp
        if at == layer:
            out |= {
                "resid_mid": mid[-1], "mlp_normed": normed[-1], "hidden": hidden[-1],
                "mlp": mlp[-1], "resid_post": x[-1],
            }  # fmt: skip
    final = norm(x, "ln_f")[-1]
    logits = W["wte.weight"] @ final if config.tie_weights else linear(final, "lm_head")
    return out | {"last": x[-1], "ln_f": final, "logits": logits, "probs": softmax(logits)}


@pytest.mark.parametrize("switches", SWITCHES, ids=lambda s: "-".join(map(str, s.values())))
def test_every_step_is_what_numpy_makes_of_the_weights(switches, tiny_config):
    model = new_model(tiny_config.replace(**switches), seed=2)
    noise = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.2 * torch.randn(weight.shape, generator=noise))
    found, expected = walk(model, IDS, 1, 1), by_numpy(model, IDS, 1, 1)
    assert found.ids.tolist() == IDS and math.isclose(found.scale, 0.5)
    assert {field.name for field in fields(found)} == {"ids", "scale", *expected}
    for name, numbers in expected.items():
        if numbers is None:
            assert getattr(found, name) is None
        else:
            np.testing.assert_allclose(getattr(found, name), numbers, atol=2e-5, rtol=1e-4)


def test_a_gain_on_qk_scales_the_scores(tiny_config):
    model = new_model(tiny_config.replace(qk_norm=True, qk_gain=20.0), seed=2)
    found = walk(model, IDS, 0, 1)
    assert found.scale == 20 / 4
    np.testing.assert_allclose(found.scores, 5 * found.k @ found.q, rtol=1e-5)


def test_the_end_of_the_walk_is_the_model_s_own_prediction(tiny_model):
    found = walk(tiny_model, IDS)
    logits = tiny_model(torch.tensor([IDS]))[0, -1].detach()
    np.testing.assert_allclose(found.logits, logits, atol=1e-4)
    np.testing.assert_allclose(found.probs, logits.softmax(-1), atol=1e-5)


def test_an_edited_row_equal_to_the_original_changes_nothing_to_the_last_bit(tiny_model):
    before = walk(tiny_model, IDS, 1, 0)
    after = walk(tiny_model, IDS, 1, 0, edited(1, 0, before.weights))
    for field in fields(before):
        assert np.array_equal(getattr(before, field.name), getattr(after, field.name)) or (
            getattr(before, field.name) is None
        )


def test_an_edited_row_is_read_by_its_head_alone_at_the_last_place_alone(tiny_model):
    row = [0, 0, 3, 0, 0, 0, 0, 1]  # to be brought to 1
    tap = edited(0, 1, row)
    found, before = walk(tiny_model, IDS, 0, 1, tap), walk(tiny_model, IDS, 0, 1)
    np.testing.assert_allclose(found.weights, [0, 0, 0.75, 0, 0, 0, 0, 0.25])
    np.testing.assert_allclose(found.z, 0.75 * before.v[2] + 0.25 * before.v[7], atol=1e-6)
    moved = found.written - before.written
    np.testing.assert_allclose(found.resid_mid, before.resid_mid + moved, atol=1e-5)
    assert not np.allclose(found.probs, before.probs, atol=1e-3)
    assert np.array_equal(walk(tiny_model, IDS, 0, 0, tap).weights,
                          walk(tiny_model, IDS, 0, 0).weights)  # fmt: skip
    ids = torch.tensor([IDS])
    with torch.inference_mode():
        others = tiny_model(ids, tap=tap)[0, :-1], tiny_model(ids, tap=lambda _, x: x)[0, :-1]
    assert torch.equal(*others)


@pytest.mark.parametrize("row", [[], [0, 0], [-1, 2], [float("nan"), 1], [[1], [2]]])
def test_what_is_no_row_of_attention_is_refused(row):
    with pytest.raises(InputError, match="numbers of 0 or more, one for each token"):
        edited(0, 0, row)


def test_a_row_of_another_length_than_the_text_is_refused(tiny_model):
    with pytest.raises(InputError, match="the row has 3 weights and the text 8 tokens"):
        walk(tiny_model, IDS, tap=edited(0, 0, [1, 1, 1]))


def test_what_is_set_stays_and_the_others_share_the_rest_as_before():
    row = set_by_hand(np.array([0.1, 0.2, 0.3, 0.4]), {1: 0.5, 3: 0.1})
    np.testing.assert_allclose(row, [0.1, 0.5, 0.3, 0.1])
    np.testing.assert_allclose(set_by_hand(np.array([1.0, 0, 0]), {0: 0.4}), [0.4, 0.3, 0.3])
    np.testing.assert_allclose(set_by_hand(np.array([0.5, 0.5]), {0: 0.25, 1: 0.75}), [0.25, 0.75])
    assert set_by_hand(np.array([0.3, 0.7]), {}).tolist() == [0.3, 0.7]


@pytest.mark.parametrize("changes, why", [
    ({0: 0.7, 1: 0.6}, "130 % together"), ({0: 1.5}, "between 0 % and 100 %"),
    ({4: 0.1}, "3 tokens"), ({0: float("nan")}, "between 0 % and 100 %"),
    ({0: 0.1, 1: 0.1, 2: 0.1}, "leave one free"),
])  # fmt: skip
def test_shares_that_make_no_row_are_refused_with_what_to_do(changes, why):
    with pytest.raises(InputError, match=why):
        set_by_hand(np.array([0.2, 0.3, 0.5]), changes)


def test_a_walk_refuses_what_attention_refuses(tiny_model):
    with pytest.raises(InputError, match="0 tokens"):
        walk(tiny_model, [])
    with pytest.raises(InputError, match="no head 2 in layer 0"):
        walk(tiny_model, IDS, 0, 2)
    assert walk(tiny_model, [3]).weights.tolist() == [1.0]
    np.testing.assert_allclose(
        attention(tiny_model, IDS)[1, 0, -1], walk(tiny_model, IDS, 1).weights
    )
    with torch.no_grad():
        tiny_model.wte.weight.mul_(float("inf"))
    with pytest.raises(NotFinite):
        walk(tiny_model, IDS)
