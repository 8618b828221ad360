"""Embeddings in a plane: their variance, their neighbours, and a film that does not spin."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from minigpt.config import GPTConfig, InputError, NotFinite
from minigpt.interpret import aligned, by_chance, embedding, neighbours, plane, token_class
from minigpt.interpret.embeddings import OF_CHARACTERS, OF_PIECES
from minigpt.model import new_model
from minigpt.tokenizers import BPETokenizer, CharTokenizer


def vectors(n: int, size: int, seed: int = 0) -> np.ndarray:
    """Stretched differently in every direction, around a place that is not the origin."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, size)) * np.arange(1, size + 1) + 3 * rng.standard_normal(size)


@pytest.mark.parametrize("n, size", [(40, 6), (5, 12), (3, 2), (300, 2)])
def test_a_plane_is_that_of_the_largest_singular_values(n, size):
    found, given = plane(vectors(n, size)), vectors(n, size)
    left, lengths, _ = np.linalg.svd(given - given.mean(0), full_matrices=False)
    np.testing.assert_allclose(found.shares, lengths[:2] ** 2 / (lengths**2).sum(), atol=1e-12)
    expected = left[:, :2] * lengths[:2]
    np.testing.assert_allclose(np.abs(found.points), np.abs(expected), atol=1e-9)


def test_vectors_that_are_all_the_same_or_have_one_number_have_a_plane_too():
    same = plane(np.ones((4, 3)))
    assert np.isnan(same.shares).all() and not same.points.any()
    line = plane(np.array([[1.0], [2.0], [4.0]]))
    np.testing.assert_allclose(line.shares, [1, 0])
    assert not line.points[:, 1].any()
    with pytest.raises(InputError, match="at least 3 vectors"):
        plane(np.ones((2, 3)))


@given(st.floats(0, 2 * math.pi), st.booleans(), st.integers(0, 2**32 - 1))
def test_a_picture_that_was_turned_and_mirrored_is_turned_back(angle, mirrored, seed):
    points = vectors(12, 2, seed) - vectors(12, 2, seed).mean(0)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    moved = points @ turn * ([1, -1] if mirrored else [1, 1])
    np.testing.assert_allclose(aligned(moved, points), points, atol=1e-8)


def test_aligning_turns_but_does_not_stretch_and_no_other_turn_comes_closer():
    rng = np.random.default_rng(4)
    points, to = 5 * rng.standard_normal((9, 2)), rng.standard_normal((9, 2))
    found = aligned(points, to)
    apart = np.linalg.norm(points[:, None] - points, axis=-1)
    np.testing.assert_allclose(np.linalg.norm(found[:, None] - found, axis=-1), apart)
    least = ((found - to) ** 2).sum()
    for angle in np.linspace(0, 2 * math.pi, 400):
        c, s = math.cos(angle), math.sin(angle)
        for turn in ([[c, s], [-s, c]], [[c, s], [s, -c]]):
            assert ((points @ np.array(turn) - to) ** 2).sum() >= least - 1e-9


def test_neighbours_are_those_with_the_largest_cosine():
    given = vectors(30, 5)

    def cosine(a, b):
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))

    others = sorted(((cosine(given[7], given[j]), j) for j in range(30) if j != 7), reverse=True)
    found = neighbours(given, 7, 4)
    assert [j for j, _ in found] == [j for _, j in others[:4]]
    np.testing.assert_allclose([c for _, c in found], [c for c, _ in others[:4]])
    assert len(neighbours(given, 7, 99)) == 29
    assert neighbours(np.eye(3) * [1, 1, 0], 2) == []


def test_of_equal_neighbours_the_first_come_first():
    assert [j for j, _ in neighbours(np.array([[1.0, 0], [0, 1], [1, 0], [2, 0]]), 0, 2)] == [2, 3]


def test_what_chance_gives_is_what_an_untrained_model_has():
    config = GPTConfig(vocab_size=60, block_size=40, n_layer=1, n_head=2, n_embd=32)
    chance = by_chance(60, 32)
    seen = [embedding(new_model(config, seed)) for seed in range(8)]
    shares = [plane(each).shares.sum() for each in seen]
    nearest = [neighbours(each, i, 1)[0][1] for each in seen for i in range(60)]
    assert abs(np.mean(shares) - chance.share) < 0.02
    assert abs(np.mean(nearest) - chance.cosine) < 0.03
    assert by_chance(60, 32) == chance


def test_a_model_has_an_embedding_of_tokens_and_one_of_places_where_it_learns_them(tiny_config):
    model = new_model(tiny_config, seed=1)
    assert embedding(model).shape == (11, 8) and embedding(model, "position").shape == (16, 8)
    with pytest.raises(InputError, match="no numbers of its own for places"):
        embedding(new_model(tiny_config.replace(position="rope"), seed=1), "position")
    with pytest.raises(InputError, match="choose of token, position"):
        embedding(model, "place")
    with torch.no_grad():
        model.wte.weight[3, 2] = float("inf")
    with pytest.raises(NotFinite):
        embedding(model)


def test_every_character_has_its_class():
    tokenizer = CharTokenizer.train("aéyБбяΣ É7½ .€\t\n中ā\u0301ß")
    named = dict(zip(tokenizer.tokens, token_class(tokenizer), strict=True))
    assert set(named.values()) == set(OF_CHARACTERS)
    assert named == {
        "<pad>": "special tokens", "<unk>": "special tokens", "<eos>": "special tokens",
        "a": "vowels", "é": "vowels", "ā": "vowels", "я": "vowels",
        "y": "consonants", "б": "consonants", "ß": "consonants",
        "Б": "capitals", "Σ": "capitals", "É": "capitals",
        "7": "digits", "½": "digits", ".": "punctuation", "€": "punctuation",
        " ": "space", "\t": "space", "\n": "space",
        "中": "other signs", "\u0301": "other signs",
    }  # fmt: skip


def test_every_piece_of_bpe_has_its_class_by_the_space_before_it_and_its_length():
    tokenizer = BPETokenizer.train("the theme of it, a 1234 ... é\n" * 30, vocab_size=300)
    named = dict(zip(tokenizer.tokens, token_class(tokenizer), strict=True))
    assert set(named.values()) == set(OF_PIECES)
    assert named[" the"] == "after a space, 3 or more"
    assert named["the"] == "no space before, 3 or more"
    assert named[" a"] == "after a space, 1 or 2 letters"
    assert named["t"] == "no space before, 1 or 2 letters"
    assert named["7"] == named["12"] == "digits"
    assert {named[token] for token in (" ", "\n", ",", " ...")} == {"space and punctuation"}
    assert named["<0xC3>"] == "parts of characters" and named["é"].startswith("no space before")
    assert {name for token, name in named.items() if token in ("<pad>", "<unk>", "<eos>")} == {
        "special tokens"
    }
