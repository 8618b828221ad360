"""The filters equal those of Hugging Face's transformers, and draws follow their odds."""

import math
from collections import Counter
from random import Random

import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st

from minigpt import sampling
from minigpt.config import SampleConfig

logits_lists = st.lists(st.floats(-20, 20), min_size=1, max_size=40)
# Few different values, so that most have others as large.
tied_lists = st.lists(st.sampled_from([-3.0, -0.5, 0.0, 0.25, 2.0]), min_size=1, max_size=40)
any_lists = logits_lists | tied_lists
HALF = 0.5  # of the odds of a token as likely as another: sums that meet 1 - p exactly


@given(any_lists, st.integers(1, 50))
def test_top_k_is_that_of_transformers(values, k):
    logits = torch.tensor(values)
    theirs = transformers.TopKLogitsWarper(k)(None, logits[None])[0]
    assert torch.equal(sampling.top_k(logits, k), theirs)


@given(any_lists, st.floats(0.01, 1.0) | st.sampled_from([HALF, 0.25, 0.75]))
def test_top_p_is_that_of_transformers(values, p):
    logits = torch.tensor(values)
    theirs = transformers.TopPLogitsWarper(p)(None, logits[None])[0]
    assert torch.equal(sampling.top_p(logits, p), theirs)


@given(any_lists, st.floats(0.0, 1.0) | st.sampled_from([HALF, math.exp(-0.25)]))
def test_min_p_is_that_of_transformers(values, p):
    logits = torch.tensor(values)
    theirs = transformers.MinPLogitsWarper(p)(None, logits[None])[0]
    assert torch.equal(sampling.min_p(logits, p), theirs)


@given(any_lists, st.lists(st.integers(0, 39), max_size=60), st.floats(1.0, 5.0))
def test_the_repetition_penalty_is_that_of_transformers(values, seen, penalty):
    logits, seen = torch.tensor(values), [i % len(values) for i in seen]
    process = transformers.RepetitionPenaltyLogitsProcessor(penalty)
    theirs = process(torch.tensor([seen], dtype=torch.long), logits[None].clone())[0]
    assert torch.equal(sampling.repetition_penalty(logits, seen, penalty), theirs)


SETTINGS = {
    "temperature": st.sampled_from([0.3, 1.0, 2.0]),
    "top_k": st.none() | st.integers(1, 20),
    "top_p": st.none() | st.floats(0.05, 1.0),
    "min_p": st.none() | st.floats(0.0, 1.0),
    "repetition_penalty": st.sampled_from([1.0, 1.3, 5.0]),
}
configs = st.builds(SampleConfig, **SETTINGS)


@given(any_lists, configs, st.lists(st.integers(0, 39), max_size=20))
def test_all_together_come_in_the_order_transformers_has_them(values, config, seen):
    logits, seen = torch.tensor(values), [i % len(values) for i in seen]
    asked = transformers.GenerationConfig(
        do_sample=True,
        temperature=config.temperature,
        top_k=config.top_k or 0,
        top_p=config.top_p or 1.0,
        min_p=config.min_p,
        repetition_penalty=config.repetition_penalty,
    )
    tiny = transformers.GPT2Config(vocab_size=1, n_positions=1, n_embd=1, n_layer=0, n_head=1)
    processors = transformers.GPT2LMHeadModel(tiny)._get_logits_processor(asked, 1)
    theirs = processors(torch.tensor([seen], dtype=torch.long), logits[None].clone())[0]
    assert torch.equal(sampling.probabilities(logits, config, seen), theirs.softmax(-1))


near_lists = st.lists(st.floats(-2, 2), min_size=1, max_size=40) | tied_lists  # no odds of 0


@given(near_lists, configs, st.lists(st.integers(0, 39), max_size=20))
def test_a_token_is_cut_by_the_first_filter_that_leaves_it_none(values, config, seen):
    logits, seen = torch.tensor(values), [i % len(values) for i in seen]
    named = sampling.cut_by(logits, config, seen, range(len(values)))
    asked = [name for name in sampling.FILTERS if getattr(config, name) is not None]
    for name in [*asked, None]:
        fewer = {other: None for other in asked[asked.index(name) + 1 :]} if name else {}
        odds = sampling.probabilities(logits, config.replace(**fewer), seen)
        gone = {token for token, by in enumerate(named) if by is not None}
        later = {token for token in gone if named[token] in fewer}
        assert {i for i, p in enumerate(odds) if p == 0} == gone - later


@given(logits_lists, st.floats(0.01, 1.0))
def test_top_p_leaves_the_fewest_tokens_that_reach_p(values, p):
    logits = torch.tensor(values)
    probs = logits.softmax(-1)
    kept = probs[sampling.top_p(logits, p).isfinite()]
    assert kept.sum() >= p - 1e-5
    assert kept.sum() - kept.min() < p + 1e-5


@given(any_lists)
def test_temperature_0_leaves_only_the_likeliest(values):
    logits = torch.tensor(values)
    config = SampleConfig(temperature=0.0)
    probs = sampling.probabilities(logits, config)
    assert probs[logits.argmax()] == 1 and probs.count_nonzero() == 1
    filtered = config.replace(top_k=3, top_p=0.5, min_p=0.5)
    assert torch.equal(sampling.probabilities(logits, filtered), probs)
    assert set(sampling.cut_by(logits, filtered, (), range(len(values)))) == {None}


@given(logits_lists)
def test_temperature_1_without_filters_is_the_bare_model(values):
    logits = torch.tensor(values)
    bare = sampling.probabilities(logits, SampleConfig(temperature=1.0))
    torch.testing.assert_close(bare, logits.softmax(-1))


def test_a_low_temperature_sharpens_and_a_high_one_flattens():
    logits = torch.tensor([1.0, 2.0, 3.0])
    sharp, flat = (sampling.probabilities(logits, SampleConfig(temperature=t)) for t in (0.5, 2.0))
    assert sharp.max() > logits.softmax(-1).max() > flat.max()


def test_at_temperature_0_the_repetition_penalty_still_counts():
    logits, config = torch.tensor([2.0, 1.5, -1.0]), SampleConfig(temperature=0.0)
    chosen = [
        sampling.probabilities(logits, config.replace(repetition_penalty=p), [0, 0]).argmax()
        for p in (1.0, 1.3, 1.4)
    ]
    assert chosen == [0, 0, 1]


@pytest.mark.parametrize(
    "settings", [{}, {"top_k": 4}, {"top_p": 0.7}, {"min_p": 0.3}, {"repetition_penalty": 3.0}],
    ids=lambda s: next(iter(s), "temperature alone"),
)  # fmt: skip
def test_draws_follow_the_probabilities(settings):
    logits = torch.tensor([0.5, 1.0, 2.0, -1.0, 1.5, 0.0])
    config, rng, draws = SampleConfig(temperature=0.8, **settings), Random(0), 5_000
    odds = sampling.probabilities(logits, config, [2])
    drawn = Counter(sampling.draw(odds, rng) for _ in range(draws))
    possible = odds.nonzero().flatten().tolist()
    assert set(drawn) == set(possible)
    expected = odds[possible].double() / odds[possible].double().sum() * draws
    found = torch.tensor([drawn[i] for i in possible])
    chi_square = ((found - expected) ** 2 / expected).sum()
    freedom = torch.tensor(len(possible) - 1.0)
    assert torch.special.gammaincc(freedom / 2, chi_square.float() / 2) > 0.01  # its p-value
