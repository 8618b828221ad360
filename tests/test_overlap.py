"""Verbatim passages, against plain loops; and what a copied share stands beside."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigpt.corpus import LIBRARY
from minigpt.corpus.overlap import (
    LEAST_PASSAGES,
    MOST_PLACES,
    SAMPLE,
    Index,
    Passage,
    Source,
    copied_share,
    measured_least,
    passages,
)
from minigpt.tokenizers import BPETokenizer, CharTokenizer

ROOT = Path(__file__).resolve().parents[1]
TALES = (ROOT / "assets" / "tales.txt").read_text()

# Few letters, so that much matches: of one byte, of two, of four, and marks that join others.
UNICODE = st.text(st.sampled_from("ab\né\u0301ж🙂🙃\U0010ffff\x00"), max_size=40)
REPEATED = st.builds(lambda part, n: part * n, st.text("ab", max_size=5), st.integers(0, 40))
TEXTS = UNICODE | REPEATED | st.text(max_size=30)


def longest_by_hand(written: str, text: str) -> list[int]:
    return [
        max(n for n in range(len(written) - at + 1) if written[at : at + n] in text)
        for at in range(len(written))
    ]


def passages_by_hand(written: str, text: str, least: int) -> list[Passage]:
    """Of all spans that stand in the text, those within no other."""
    spans = {
        (start, end)
        for start in range(len(written))
        for end in range(start + 1, len(written) + 1)
        if written[start:end] in text
    }
    maximal = [
        (start, end)
        for start, end in sorted(spans)
        if (start - 1, end) not in spans and (start, end + 1) not in spans
    ]
    found = []
    for start, end in maximal:
        places = [at for at in range(len(text)) if text.startswith(written[start:end], at)]
        if end - start >= least:
            found.append(Passage(start, end, places[:MOST_PLACES], len(places)))
    return found


@settings(max_examples=300)
@given(TEXTS, TEXTS, st.integers(1, 6))
def test_passages_are_those_that_plain_loops_find(written, text, least):
    index = Index(text)
    assert index.longest(written).tolist() == longest_by_hand(written, text)
    found = passages_by_hand(written, text, least)
    assert passages(written, index, least) == passages(written, text, least) == found
    covered = {at for passage in found for at in range(passage.start, passage.end)}
    share = len(covered) / len(written) if written else 0.0
    assert copied_share(written, index, least) == pytest.approx(share)


@settings(max_examples=100)
@given(st.data(), UNICODE.filter(bool), st.integers(1, 5))
def test_what_bpe_wrote_is_found_in_whole_characters(data, text, least):
    """Tokens may hold parts of a character, and a model may join them to nonsense."""
    tokenizer = BPETokenizer.train(text * 2, 270)
    some = st.lists(st.sampled_from(tokenizer.encode(text)), max_size=30)
    written = tokenizer.decode(data.draw(some))
    found = passages(written, text, least)
    assert found == passages_by_hand(written, text, least)
    assert passages(tokenizer.decode(tokenizer.encode(text)), text, 1)[0] == (0, len(text), [0], 1)


@pytest.mark.parametrize("distinct", [2, 200, 5_000, 70_000])
def test_any_number_of_different_characters_is_sorted_alike(distinct):
    rng = np.random.default_rng(distinct)
    points = rng.integers(0, distinct, max(3_000, distinct)) + 0xE000  # behind the surrogates
    text = "".join(map(chr, points))
    written = text[1_000:1_200] + text[100:300]
    assert passages(written, text, 50) == [(0, 200, [1_000], 1), (200, 400, [100], 1)]


def test_half_a_character_is_one_of_its_own():
    assert passages("a\ud83db", "xa\ud83d", 2) == [(0, 2, [1], 1)]


@pytest.mark.parametrize("n", [31, 32, 33, 95, 96, 97, 5_000])
def test_a_copy_of_any_length_is_one_passage(n):
    text = TALES[:20_000]
    written = text[300 : 300 + n] + "§"
    assert passages(written, text, 20) == [(0, n, [300], 1)]


def test_a_text_of_one_repeated_character_is_no_trouble():
    index = Index("a" * 100_000)
    (found,) = passages("a" * 2_000, index, 5)
    assert found == (0, 2_000, list(range(MOST_PLACES)), 98_001)
    assert index.longest("a" * 700 + "b" + "a" * 3).tolist() == [*range(700, 0, -1), 0, 3, 2, 1]


def test_nothing_stands_in_nothing():
    assert passages("", "text", 1) == passages("text", "", 1) == passages("", "", 1) == []
    assert copied_share("", Index("text"), 1) == 0


def test_at_most_one_in_a_hundred_passages_of_held_out_text_counts():
    train, held_out = TALES[:-20_000], TALES[-20_000:]
    least = measured_least(Index(train), held_out)
    found = passages(held_out, train, 1)
    lengths = np.array([passage.end - passage.start for passage in found])
    assert len(found) > LEAST_PASSAGES
    assert (lengths >= least).mean() <= 0.01 < (lengths >= least - 1).mean()


def test_too_few_passages_measure_nothing():
    train = TALES[:-20_000]
    held_out = TALES[-20_000:]
    for n in range(0, 3_000, 100):
        found = passages(held_out[:n], train, 1)
        known = measured_least(Index(train), held_out[:n]) is not None
        assert known == (len(found) >= LEAST_PASSAGES)


@pytest.fixture(scope="module")
def source() -> Source:
    return Source.of(TALES, CharTokenizer.train(TALES), 0.1)


def test_a_copy_is_told_from_text_that_was_held_out(source):
    text = source.index.text
    copy = source.trace(text[5_000:5_400])
    assert copy.share == 1 and copy.longest == 400 and copy.unclear is None
    assert copy.passages == [(0, 400, [5_000], 1)]
    unseen = source.trace(source.held_out[1_000:1_400])
    assert unseen.least == copy.least and unseen.share < 0.5
    assert unseen.held_out_share == copy.held_out_share
    low, high = copy.held_out_share.low, copy.held_out_share.high
    assert 0 <= low <= copy.held_out_share.mean <= high < 1
    assert copy.trigram_share.high <= high


@pytest.mark.parametrize("n", [60, 400])
def test_shares_beside_are_of_pieces_as_long(source, n):
    """The pieces cut out and looked up one by one; a longer match cannot look out of its piece."""
    held_out = source.held_out
    pieces = [held_out[at : at + n] for at in range(0, len(held_out) - n + 1, n)]
    shares = [copied_share(piece, source.index, source.least) for piece in pieces]
    found = source.trace(source.index.text[:n]).held_out_share
    assert found.pieces == len(pieces)
    assert found.mean == pytest.approx(np.mean(shares))
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(shares, (0.05, 0.95))))


def test_of_a_long_text_evenly_spaced_stretches_are_read():
    play = LIBRARY["shakespeare/hamlet"].read()
    source = Source(play, TALES * 3, play)
    assert len(source.held_out) > SAMPLE
    assert source.trace(play[:5_000]).held_out_share.pieces == 20
    assert source.trace(play[:9_000]).held_out_share.pieces == 20, "stretches are not longer"
    assert source.trace(play[:5_000]).trigram_share.mean == 1


@pytest.mark.parametrize("kind", [CharTokenizer, BPETokenizer], ids=lambda kind: kind.kind)
def test_only_what_is_trained_on_is_looked_in(kind):
    text = "é🙂ж" * 400 + TALES[:7_000]
    tokenizer = kind.train(text)
    ids = tokenizer.encode(text)
    source = Source.of(text, tokenizer, 0.9)
    cut = len(ids) - int(len(ids) * 0.9)
    assert source.index.text + source.held_out == text
    assert tokenizer.decode(ids[:cut]).startswith(source.index.text)
    assert len(tokenizer.encode(source.index.text)) == pytest.approx(cut, abs=4)


@pytest.mark.parametrize(
    "held_out, written, said",
    [
        ("", "The sea", "keeps no text to validate on"),
        (TALES[:300], "The sea", "has 300 characters, and fewer than 299 passages"),
        (TALES[-20_000:], "", "Nothing is written yet."),
        (TALES[-20_000:], "The", "has 3 characters, and a passage counts as copied from"),
    ],
    ids=["none held out", "little held out", "empty", "short"],
)
def test_what_cannot_be_told_is_unclear(held_out, written, said):
    found = Source(TALES[:-20_000], held_out, TALES[:9_000]).trace(written)
    assert said in found.unclear
    assert (found.share, found.passages, found.held_out_share) == (None, [], None)
    assert found.longest == len(written)


def test_a_repetitive_text_is_unclear(simple_text):
    found = Source.of(simple_text, CharTokenizer.train(simple_text), 0.1).trace(simple_text[:100])
    assert "repeats the training text at length" in found.unclear and found.share is None


def test_too_few_pieces_beside_are_said(source):
    n = len(source.held_out) // 7
    found = source.trace(source.index.text[:n])
    assert found.share == 1 and found.held_out_share is None and found.trigram_share is not None
    assert f"takes at least 8 pieces of {n:,} characters" in found.unclear


def test_the_library_that_sorts_is_loaded_when_it_is_needed():
    code = "import sys, minigpt.corpus.overlap; sys.exit('pydivsufsort' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
