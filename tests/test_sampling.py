from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from minigpt import sampling
from minigpt.config import SampleConfig

logits_lists = st.lists(st.floats(-20, 20), min_size=1, max_size=40)


@given(logits_lists, st.integers(1, 50))
def test_top_k_leaves_k_tokens_and_the_largest_among_them(values, k):
    kept = sampling.top_k(torch.tensor(values), k)
    assert kept.isfinite().sum() == min(k, len(values))
    assert kept.max() == max(torch.tensor(values))


@given(logits_lists, st.floats(0.01, 1.0))
def test_top_p_leaves_the_fewest_tokens_that_reach_p(values, p):
    logits = torch.tensor(values)
    probs = logits.softmax(-1)
    kept = probs[sampling.top_p(logits, p).isfinite()]
    assert kept.sum() >= p - 1e-5
    assert kept.sum() - kept.min() < p + 1e-5


@given(logits_lists)
def test_temperature_0_leaves_only_the_likeliest(values):
    logits = torch.tensor(values)
    probs = sampling.probabilities(logits, SampleConfig(temperature=0.0))
    assert probs.max() == 1
    assert logits[probs.argmax()] == logits.max()


@given(logits_lists)
def test_temperature_1_without_filters_is_the_bare_model(values):
    logits = torch.tensor(values)
    bare = sampling.probabilities(logits, SampleConfig(temperature=1.0))
    torch.testing.assert_close(bare, logits.softmax(-1))


def test_a_low_temperature_sharpens_and_a_high_one_flattens():
    logits = torch.tensor([1.0, 2.0, 3.0])
    sharp, flat = (sampling.probabilities(logits, SampleConfig(temperature=t)) for t in (0.5, 2.0))
    assert sharp.max() > logits.softmax(-1).max() > flat.max()


def test_draws_follow_the_probabilities():
    rng = Random(0)
    drawn = [sampling.draw(torch.tensor([0.2, 0.0, 0.8, 0.0]), rng) for _ in range(2_000)]
    assert set(drawn) == {0, 2}
    assert drawn.count(0) / 2_000 == pytest.approx(0.2, abs=0.03)
