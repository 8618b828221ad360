"""What mere counting could have told: checked against plain loops, and by what it costs."""

import math
from collections import Counter
from unittest import mock

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minigpt.corpus import histories
from minigpt.corpus.histories import NONE_OF_THESE, frequency_losses, known_from
from tests.campaigns.peak import Peak


def slow_order(ids, t, text):
    """Counts every history anew."""
    for k in range(4):
        if k > t:
            break
        history = ids[t - k : t]
        after = Counter(text[i] for i in range(k, len(text)) if text[i - k : i] == history)
        if after[ids[t]] and after[ids[t]] >= 0.5 * after.total():
            return k
    return NONE_OF_THESE


tokens = st.lists(st.integers(0, 3), min_size=4, max_size=4)


@given(
    st.lists(st.integers(0, 3), max_size=40),
    st.lists(tokens, min_size=1, max_size=3),
    st.sampled_from([1, 2, 3, 4, 7, 100]),
)
def test_the_history_that_counting_needs_is_found_as_plain_loops_find_it(text, windows, block):
    with mock.patch.object(histories, "BLOCK", block):  # histories go across its borders
        found = known_from(np.array(windows), np.array(text, dtype=np.int64))
    assert found.tolist() == [[slow_order(ids, t, text) for t in range(1, 4)] for ids in windows]


def test_of_a_text_the_histories_that_tell_are_the_ones_one_would_name():
    text = [0, 1, 2, 0, 1, 2, 0, 3, 2, 0, 1, 4]  # after 0 most often 1; after 0 1 mostly 2
    found = known_from(np.array([[3, 0, 1, 2], [2, 0, 3, 2]]), np.array(text))
    assert found.tolist() == [[NONE_OF_THESE, 1, 1], [1, NONE_OF_THESE, 1]]


def test_a_window_or_a_vocabulary_of_any_size_can_be_counted():
    assert known_from(np.array([[5, 5]]), np.array([5, 5, 5])).tolist() == [[0]]
    huge = np.array([60_000, 65_535, 60_000, 65_535] * 3)
    assert (known_from(huge[None, :9], huge) == 0).all()
    assert (known_from(huge[None, :9], np.array([], dtype=np.int64)) == NONE_OF_THESE).all()


def test_frequencies_cost_what_the_counts_say():
    windows, text = np.array([[0, 1, 2, 0]]), np.array([0, 0, 1, 0])
    expected = [-math.log(2 / 7), -math.log(1 / 7), -math.log(4 / 7)]
    np.testing.assert_allclose(frequency_losses(windows, text, 3), [expected])


def test_a_long_text_is_counted_in_parts_that_take_little_memory():
    """In one go two million tokens took 140 MB, and twenty million 1,430."""
    text = np.random.default_rng(0).integers(0, 60, 2_000_000).astype(np.uint16)
    windows = text[:2_560].reshape(10, 256).astype(np.int64)
    with Peak() as peak:
        found = known_from(windows, text)
        frequency_losses(windows, text, 60)
    assert found.shape == (10, 255) and peak.megabytes < 60
