"""A piece of a text is read without the whole of it."""

import io
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigpt.config import InputError
from minigpt.store import passages
from minigpt.store.passages import passage
from tests.campaigns.peak import Peak

LETTERS = st.sampled_from("ab\n\0é語👩\u0301")


@given(
    st.text(LETTERS, max_size=60),
    st.integers(-3, 70),
    st.integers(-3, 70),
    st.sampled_from([1, 2, 3, 5, 16, 1 << 16]),
)
def test_a_passage_is_what_a_slice_of_the_whole_is(text, start, end, at_once):
    data = text.encode()
    with mock.patch.object(passages, "AT_ONCE", at_once):
        found = passage(io.BytesIO(data), len(data), len(text), start, end)
    assert found == text[max(0, start) : max(0, end)]


def test_the_store_reads_a_passage_of_any_text_in_little_memory(fresh_store):
    for letters in ("plain words, ", "ein schöner Tag, \0 語 "):
        body = letters * (8_000_000 // len(letters))
        text_id = fresh_store.add_text("me", "long", body)
        for start in (0, 1_234_567, len(body) - 40):
            with Peak() as peak:
                found = fresh_store.passage(text_id, start, start + 2_000)
            assert found == body[start : start + 2_000] and peak.megabytes < 4
    with pytest.raises(InputError, match="no longer here"):
        fresh_store.passage("nonsense", 0, 9)
