"""Long texts are counted and cut a part at a time, and nothing comes out otherwise."""

import numpy as np
import pytest

from minigpt.corpus import LIBRARY, baselines, damage, fit_baselines, statistics
from minigpt.corpus.statistics import code_points, repetition
from minigpt.tokenizers import BPETokenizer, CharTokenizer, bpe, char

TALES = LIBRARY["tales"].read()


@pytest.mark.parametrize("at_once", [3, 70, 500])
def test_counting_part_by_part_reaches_the_same(monkeypatch, at_once):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        V = int(rng.integers(3, 40))
        ids = (rng.zipf(1.5, 900) % V).astype(np.uint16)
        train, val = ids[:700], ids[700:]
        whole = vars(fit_baselines(train, val, V))
        written = baselines.counted_text(train, 60, V, seed)
        with monkeypatch.context() as patch:
            patch.setattr(baselines, "AT_ONCE", at_once)
            patch.setattr(baselines, "SCORED_AT_ONCE", at_once)
            assert vars(fit_baselines(train, val, V)) == pytest.approx(whole, rel=1e-12)
            assert (baselines.counted_text(train, 60, V, seed) == written).all()


def test_repetition_part_by_part_is_the_same(monkeypatch):
    points = code_points(TALES[:9_000] * 2 + "a" * 500 + TALES[:11_000])
    whole = repetition(points)
    monkeypatch.setattr(statistics, "AT_ONCE", 1_000)
    monkeypatch.setattr(statistics, "MOST_HASHES", 900)
    assert repetition(points) == whole > 0.5


def test_passages_that_tell_are_found_part_by_part(monkeypatch):
    for marked in ("ab \nж" * 50 + "é" + "中\n" * 9, "ab\udc92 \nжé" * 40 + "\udcff", "plain"):
        whole, beyond = damage.excerpts(marked), damage.beyond_ascii(marked)
        with monkeypatch.context() as patch:
            patch.setattr(damage, "AT_ONCE", 7)
            assert (damage.excerpts(marked), damage.beyond_ascii(marked)) == (whole, beyond)


def test_characters_are_numbered_part_by_part(monkeypatch):
    tokenizer = CharTokenizer.train("abc🙂")
    monkeypatch.setattr(char, "AT_ONCE", 3)
    assert tokenizer.encode("cab🙂?!ab🙂") == [5, 3, 4, 6, 1, 1, 3, 4, 6]
    assert len(tokenizer.encode("")) == 0


def test_a_text_of_ever_new_pieces_is_learned_from_in_evenly_spaced_parts(monkeypatch):
    """What the engine holds grows with the different pieces: on 20 MB without spaces it took 2.8
    GB."""
    monkeypatch.setattr(bpe, "MOST_DIFFERENT", 20_000)
    monkeypatch.setattr(bpe, "PROBED", 60_000)
    monkeypatch.setattr(bpe, "CHUNK_CHARACTERS", 1_000)
    monkeypatch.setattr(bpe, "LONGEST_CHUNK", 2_000)
    rng = np.random.default_rng(0)
    letters = rng.integers(97, 123, 200_000, dtype=np.uint8).tobytes().decode()
    part = bpe.learned_part(letters)
    different = bpe._different(part)
    assert 0.8 * bpe.MOST_DIFFERENT < different <= 1.2 * bpe.MOST_DIFFERENT
    places = [letters.index(chunk) / len(letters) for chunk in part]
    assert places == sorted(places) and places[0] == 0 and places[-1] > 0.95
    assert np.diff(places).max() < 2.5 / len(part)
    trained = BPETokenizer.train(letters, 300)
    assert trained.learned_from == sum(map(len, part)) < len(letters)
    whole = trained.encode(letters)
    assert trained.decode(whole) == letters


def test_a_text_of_words_is_learned_from_whole(monkeypatch):
    """However long it is, for its words come again."""
    monkeypatch.setattr(bpe, "MOST_DIFFERENT", 40_000)
    monkeypatch.setattr(bpe, "PROBED", 30_000)
    assert "".join(bpe.learned_part(TALES * 4)) == TALES * 4
    assert BPETokenizer.train(TALES, 300).learned_from == len(TALES)


def test_a_long_line_is_cut_where_it_changes_no_piece(monkeypatch):
    """In a line of 20 MB the engine would hold a hundred bytes for each character."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        letters = list("ab c'sA1, é中🙂\t\u00a0\x1c\u0301")[: rng.integers(2, 18)]
        line = "".join(rng.choice(letters, 5_000)) + "x" * 900 + " 's" + "y" * 500 + " " * 700
        monkeypatch.setattr(bpe, "CHUNK_CHARACTERS", 10**9)
        monkeypatch.setattr(bpe, "LONGEST_CHUNK", 10**9)
        trained = BPETokenizer.train(line, 400)
        whole = trained.encode(line)
        monkeypatch.setattr(bpe, "CHUNK_CHARACTERS", 100)
        monkeypatch.setattr(bpe, "LONGEST_CHUNK", 300)
        assert "".join(bpe._chunks(line)) == line and len([*bpe._chunks(line)]) > 20
        assert trained.encode(line) == whole
        assert BPETokenizer.train(line, 400).merges == trained.merges
