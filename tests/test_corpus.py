import codecs

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigpt.config import InputError
from minigpt.corpus import LIBRARY, batch, fit_baselines, read_text, split, windows


@given(st.text(min_size=1))
def test_utf8_is_read_exactly(text):
    if text.count("\0") * 10 <= len(text):
        assert read_text(codecs.BOM_UTF8 + text.encode()) == text


@pytest.mark.parametrize(
    "mark, encoding",
    [(codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"),
     (codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF32_LE, "utf-32-le"),
     (codecs.BOM_UTF32_BE, "utf-32-be")],
)  # fmt: skip
def test_a_byte_order_mark_tells_the_encoding(mark, encoding):
    assert read_text(mark + "Привет, κόσμε\r\n".encode(encoding)) == "Привет, κόσμε\r\n"


@pytest.mark.parametrize(
    "data",
    [b"", codecs.BOM_UTF8,
     b"\x89PNG\r\n\x1a\n\x00\x00", b"\xff\xd8\xff\xe0 jpeg", "naïve".encode("latin-1"),
     b"\x1f\x8b\x08 gzip", "ab".encode("utf-16-le") * 20, codecs.BOM_UTF16_LE + b"a"],
)  # fmt: skip
def test_what_is_not_text_is_refused_by_the_file_s_name(data):
    with pytest.raises(InputError, match=r"photo\.txt"):
        read_text(data, "photo.txt")


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
    with pytest.raises(InputError, match=r"100 tokens.*context of 512.*at most 89"):
        split(np.arange(100), 0.1, 512)


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
    assert lines.bigram == pytest.approx(-np.log(301 / 303), abs=1e-4)


def test_bigrams_never_seen_get_the_smoothed_probability():
    lines = fit_baselines(np.array([0, 0, 0, 0]), np.array([1, 0]), vocab_size=4)
    assert lines.bigram == pytest.approx(np.log(4))


def test_the_library_can_be_read_and_says_what_it_is():
    for text in LIBRARY.values():
        assert len(text.read()) > 10_000
        assert text.about.endswith(".")
        assert text.licence.endswith(".")
