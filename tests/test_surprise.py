"""How much tokens surprise a model, one by one and by their place."""

import math

import numpy as np
import pytest
import torch

from minigpt.config import InputError, NotFinite
from minigpt.corpus import NGrams
from minigpt.interpret import by_position, guesses, surprise
from tests.test_corpus import kneser_ney
from tests.test_lens import SHAPES, far_from_zero
from tests.test_matters import SOME


@pytest.fixture
def windows() -> np.ndarray:
    return np.random.default_rng(0).integers(3, 11, (12, 16))


@pytest.mark.parametrize("shape", SOME)
@torch.inference_mode()
def test_a_token_surprises_by_what_its_probability_says(shape, tiny_config, ids):
    model = far_from_zero(tiny_config.replace(**SHAPES[shape]))
    chances = model(ids[:1])[0].softmax(-1).tolist()
    bits = [-math.log2(chances[t][token]) for t, token in enumerate(ids[0, 1:].tolist())]
    np.testing.assert_allclose(surprise(model, ids[0]), bits, atol=1e-4)


def test_what_was_guessed_instead_is_the_likeliest_and_ranks_count_from_it(tiny_model, ids):
    chances = tiny_model(ids[:1])[0].softmax(-1).tolist()
    likeliest, prob, rank = guesses(tiny_model, ids[0])
    for t, token in enumerate(ids[0, 1:].tolist()):
        best = max(range(11), key=chances[t].__getitem__)
        assert likeliest[t] == best and prob[t] == pytest.approx(chances[t][best])
        assert rank[t] == 1 + sum(p > chances[t][token] for p in chances[t])


def test_a_token_alone_surprises_nobody(tiny_model):
    assert surprise(tiny_model, [3]).shape == (0,)
    with pytest.raises(InputError, match="0 tokens"):
        surprise(tiny_model, [])


def test_tenths_of_the_places_have_the_mean_of_their_tokens(tiny_model, windows):
    found = by_position(tiny_model, windows)
    bits = np.stack([surprise(tiny_model, ids) for ids in windows])  # of places 1 to 15
    assert found.first.tolist() == [1, 3, 5, 7, 9, 11, 12, 13, 14, 15]
    assert found.last.tolist() == [2, 4, 6, 8, 10, 11, 12, 13, 14, 15]
    for group, (first, last) in enumerate(zip(found.first, found.last, strict=True)):
        mean = np.mean([bits[w, place - 1] for w in range(12) for place in range(first, last + 1)])
        assert found.bits[group] == pytest.approx(mean, abs=1e-5)
        assert found.low[group] < mean < found.high[group]
    gain, low, high = found.gain
    assert gain == pytest.approx(found.bits[0] - found.bits[-1]) and low < gain < high
    assert found.trigram is None and found.trigram_gain is None
    assert by_position(tiny_model, windows[:, :9]).first.tolist() == list(range(1, 9))


def test_a_trigram_model_guesses_the_same_tokens_from_the_two_before(tiny_model, windows):
    train = np.random.default_rng(1).integers(3, 11, 300)
    nats = NGrams(train, 11).trigram_nats(windows)
    found, counted = by_position(tiny_model, windows, nats), nats / math.log(2)
    bits = [
        [-math.log2(kneser_ney(train.tolist(), 11, tuple(ids[max(0, t - 2) : t]))[ids[t]])
         for t in range(1, 16)]
        for ids in windows[:3].tolist()
    ]  # fmt: skip
    np.testing.assert_allclose(counted[:3], bits)
    assert found.trigram[0] == pytest.approx(counted[:, :2].mean())
    assert found.trigram_gain[0] == pytest.approx(counted[:, :2].mean() - counted[:, -1].mean())


def test_too_few_windows_have_no_interval_and_a_broken_model_no_surprise(tiny_model, windows):
    few = by_position(tiny_model, windows[:7])
    assert np.isfinite(few.bits).all() and np.isnan([few.low, few.high]).all()
    assert np.isnan(few.gain[1:]).all()
    with torch.no_grad():
        tiny_model.wte.weight.fill_(float("nan"))
    for asked in (
        lambda: surprise(tiny_model, windows[0]),
        lambda: by_position(tiny_model, windows),
    ):
        with pytest.raises(NotFinite):
            asked()
