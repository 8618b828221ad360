import re
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigpt.config import InputError
from minigpt.corpus import LIBRARY, batch, counted_text, fit_baselines, split, windows


@given(st.integers(2, 400), st.floats(0, 0.5), st.integers(1, 64))
def test_a_split_loses_nothing_and_fits_the_context_or_is_refused(n, fraction, block_size):
    ids = np.arange(n)
    try:
        train, val = split(ids, fraction, block_size)
    except InputError:
        assert n * (1 - fraction) < block_size + 2
        return
    assert np.concatenate([train, val]).tolist() == ids.tolist()
    assert len(train) >= block_size + 1
    assert len(val) != 1


def test_a_text_shorter_than_the_context_is_refused_with_what_would_fit():
    with pytest.raises(InputError, match=r"100 tokens.*context of 512.*569 tokens.*at most 89"):
        split(np.arange(100), 0.1, 512)


def fits(tokens: int, fraction: float, block_size: int) -> bool:
    try:
        split(np.arange(tokens), fraction, block_size)
    except InputError:
        return False
    return True


@pytest.mark.parametrize("fraction", [0.0, 0.05, 0.1, 1 / 3, 0.37, 0.5])
def test_what_a_refusal_recommends_is_taken_and_what_is_just_beyond_it_is_not(fraction):
    for tokens in range(1, 201):
        for block_size in (1, 2, 3, 7, 16, 63, 64, 65, 150, 199, 200, 512):
            try:
                split(np.arange(tokens), fraction, block_size)
                continue
            except InputError as error:
                said = str(error).replace(",", "")
            enough = int(re.search(r"needs a text of (\d+) token", said)[1])
            assert fits(enough, fraction, block_size)
            assert not fits(enough - 1, fraction, block_size)
            context = re.search(r"a context of at most (\d+)$", said)
            if context is None:
                assert not fits(tokens, fraction, 1)
            else:
                assert fits(tokens, fraction, int(context[1]))
                assert not fits(tokens, fraction, int(context[1]) + 1)


def test_a_batch_comes_from_seed_and_step_alone(token_stream):
    x, y = batch(token_stream, 16, 4, seed=1, step=7)
    again, _ = batch(token_stream, 16, 4, seed=1, step=7)
    other, _ = batch(token_stream, 16, 4, seed=1, step=8)
    assert x.shape == y.shape == (4, 16)
    assert (x == again).all()
    assert (x != other).any()
    assert (x[:, 1:] == y[:, :-1]).all()


def test_batches_reach_the_first_and_the_last_token():
    ids = np.arange(6)
    pieces = np.concatenate([np.stack(batch(ids, 4, 8, 0, step)).ravel() for step in range(20)])
    assert {0, 5} <= set(pieces.tolist())


@given(st.integers(2, 100), st.integers(1, 20))
def test_windows_never_overlap_and_predict_the_next_token(n, block_size):
    x, y = windows(np.arange(n), block_size)
    assert (y == x + 1).all()
    assert len(set(x.ravel().tolist())) == x.size
    assert n - 1 - x.size < x.shape[1]


def test_windows_can_be_limited_to_evenly_spaced_ones():
    x, _ = windows(np.arange(1001), 10, most=5)
    assert x[:, 0].tolist() == [0, 250, 500, 740, 990]


def test_baselines_of_a_sure_sequence():
    ids = np.array([0, 1, 2] * 400)
    lines = fit_baselines(ids[:900], ids[900:], vocab_size=3)
    assert lines.uniform == pytest.approx(np.log(3))
    assert lines.unigram == pytest.approx(np.log(3), abs=1e-3)
    assert lines.bigram < 0.01
    assert lines.trigram < 0.01


def kneser_ney(train: list[int], V: int, context: tuple[int, ...]) -> np.ndarray:
    """p(next | context) by the definition, slowly: interpolated Kneser-Ney down to uniform."""

    def discount(counts):
        ones, twos = [sum(c == n for c in counts.values()) for n in (1, 2)]
        return ones / (ones + 2 * twos) if ones else 0.5

    def level(grams, context, lower):
        """grams: Counter of (context, token)."""
        total = sum(n for (c, _), n in grams.items() if c == context)
        if not total:
            return lower
        D = discount(grams)
        kinds = sum(c == context for c, _ in grams)
        kept = np.array([max(grams[context, w] - D, 0) if (context, w) in grams else 0
                         for w in range(V)])  # fmt: skip
        return kept / total + D * kinds / total * lower

    pairs = Counter(pairwise(train))
    triples = Counter(zip(train, train[1:], train[2:], strict=False))
    before = Counter({((), w): len({a for a, b in pairs if b == w}) for w in {b for _, b in pairs}})
    lowest = level(before, (), np.full(V, 1 / V))
    if len(context) == 1:
        return level(Counter({((a,), b): n for (a, b), n in pairs.items()}), context, lowest)
    middle = Counter(((b,), c) for _, b, c in triples)
    fallback = level(middle, context[1:], lowest)
    return level(Counter({((a, b), c): n for (a, b, c), n in triples.items()}), context, fallback)


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=40),
    st.lists(st.integers(0, 3), min_size=2, max_size=12),
)
def test_bigrams_and_trigrams_are_kneser_ney_by_the_definition(train, val):
    V = 4
    lines = fit_baselines(np.array(train), np.array(val), V)
    bigrams = [kneser_ney(train, V, (a,)) for a in val[:-1]]
    trigrams = bigrams[:1] + [kneser_ney(train, V, (a, b)) for a, b in pairwise(val[:-1])]
    for p in (*bigrams, *trigrams):
        assert p.sum() == pytest.approx(1)
    for loss, ps in ((lines.bigram, bigrams), (lines.trigram, trigrams)):
        surprise = [-np.log(p[token]) for p, token in zip(ps, val[1:], strict=True)]
        assert loss == pytest.approx(np.mean(surprise))


def test_what_counting_writes_is_drawn_as_often_as_it_follows_two_tokens():
    """Pearson's chi-square for each pair of tokens; and nothing that never followed it."""
    train = np.random.default_rng(1).integers(0, 3, 60).tolist()
    follows = defaultdict(Counter)
    for a, b, c in zip(train, train[1:], train[2:], strict=False):
        follows[a, b][c] += 1
    written = counted_text(np.array(train), 20_000, vocab_size=3, seed=2).tolist()
    drawn = defaultdict(Counter)
    for a, b, c in zip(written, written[1:], written[2:], strict=False):
        drawn[a, b][c] += 1
    assert drawn.keys() == follows.keys() and len(drawn) == 9
    chi_square, free = 0.0, 0
    for pair, counts in follows.items():
        assert drawn[pair].keys() == counts.keys()
        for token, count in counts.items():
            expected = drawn[pair].total() * count / counts.total()
            chi_square += (drawn[pair][token] - expected) ** 2 / expected
        free += len(counts) - 1
    assert free > 10 and abs(chi_square - free) < 3 * (2 * free) ** 0.5


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.integers(0, 9))
def test_what_counting_writes_leads_on_where_the_text_ended(train, seed):
    """Two tokens that stand only at the end are followed as the last of them alone would be, and
    one that does by any."""
    written = counted_text(np.array(train), 30, vocab_size=5, seed=seed).tolist()
    assert written == counted_text(np.array(train), 30, vocab_size=5, seed=seed).tolist()
    assert len(written) == 30 and set(written) <= set(train)
    pairs, triples = set(pairwise(train)), set(zip(train, train[1:], train[2:], strict=False))
    for a, b, c in zip(written, written[1:], written[2:], strict=False):
        if (a, b) in {triple[:2] for triple in triples}:
            assert (a, b, c) in triples
        elif b in {first for first, _ in pairs}:
            assert (b, c) in pairs


def test_the_library_can_be_read_and_says_what_it_is():
    assert len(LIBRARY["tales"].read()) >= 100_000
    assert len([name for name in LIBRARY if name.startswith("shakespeare/")]) == 38
    for text in LIBRARY.values():
        assert text.bytes() > 80_000
        assert text.about.endswith(".")
        assert text.licence and not text.licence.endswith(".")


def test_the_plays_come_without_markdown():
    hamlet = LIBRARY["shakespeare/hamlet"].read()
    assert hamlet.startswith("Hamlet\n\nACT I\n\nSCENE I.")
    assert "\nHAMLET:\nTo be, or not to be: that is the question:\n" in hamlet
    whole = LIBRARY["shakespeare"].read()
    assert hamlet in whole
    assert not set("*_#\\") & set(whole)


def test_python_s_own_library_is_code_that_compiles():
    text = LIBRARY["python"].read()
    assert text.isascii()
    assert len(text) > 1_000_000
    assert "class ArgumentParser(" in text
