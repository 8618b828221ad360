"""The numbers that stand for tokens and for places, laid out in a plane; which are alike."""

import unicodedata
from dataclasses import dataclass

import numpy as np

from minigpt.config import InputError, NotFinite
from minigpt.model import GPT
from minigpt.tokenizers import Tokenizer

DRAWS, MANY = 8, 2_000  # of random vectors, for what chance gives; of many of them one tells enough
FEWEST = 3  # of fewer vectors, a plane holds all there is to see
# In three scripts it is plain which letters are vowels; y counts as a consonant, й as и.
VOWELS = frozenset("aeiouæœøıαεηιουωаеиоуыэюяєі")
SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")
SHORT = 2  # letters
OF_CHARACTERS = (
    "vowels", "consonants", "capitals", "punctuation", "digits", "space", "other signs",
    "special tokens",
)  # fmt: skip
OF_PIECES = (
    "after a space, 1 or 2 letters", "after a space, 3 or more", "no space before, 1 or 2 letters",
    "no space before, 3 or more", "space and punctuation", "digits", "parts of characters",
    "special tokens",
)  # fmt: skip


@dataclass(frozen=True)
class Plane:
    """n vectors seen in the plane in which they differ most."""

    points: np.ndarray  # (n, 2)
    shares: np.ndarray  # (2,), of their variance that each direction holds; nan where all are one


@dataclass(frozen=True)
class Chance:
    """What the same measurements give of random vectors, on average."""

    share: float  # of the variance, in a plane
    cosine: float  # of a vector with the one that is nearest to it


def embedding(model: GPT, kind: str = "token") -> np.ndarray:
    """The vectors that stand for each token, (V, C), or, where they are learned, for each
    "position", (block_size, C). Raises InputError where there are none, NotFinite where a number
    is none."""
    if kind not in ("token", "position"):
        raise InputError(f"there is no embedding of a {kind}: choose of token, position")
    if kind == "position" and model.config.position != "learned":
        raise InputError(
            "this model has no numbers of its own for places: it turns what tokens compare "
            "instead (rope), so look at its tokens"
        )
    weights = model.wte.weight if kind == "token" else model.wpe.weight
    vectors = weights.detach().double().cpu().numpy()
    if not np.isfinite(vectors).all():
        raise NotFinite
    return vectors


def plane(vectors: np.ndarray) -> Plane:
    """The two principal components of `vectors` (n, C), the eigenvectors of their covariance
    with the largest eigenvalues (Jolliffe 2002, section 1.1): the plane in which they lie furthest
    apart.

    A direction has two ways to point, and nothing prefers one: here the entry of its component that
    is largest is positive. Raises InputError of fewer than 3 vectors.
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    if vectors.ndim != 2 or len(vectors) < FEWEST:
        raise InputError(
            f"a plane is laid through at least {FEWEST} vectors, these are {vectors.shape}"
        )
    centred = vectors - vectors.mean(0)
    spread, components = np.linalg.eigh(centred.T @ centred)  # C × C, the least first
    spread = spread.clip(min=0)  # rounding may take what is 0 below it
    directions, variance = np.zeros((2, vectors.shape[1])), np.zeros(2)
    for i in range(min(2, len(spread))):  # of width 1 there is one
        directions[i], variance[i] = components[:, -1 - i], spread[-1 - i]
    largest = np.abs(directions).argmax(1)
    directions *= np.where(directions[[0, 1], largest] < 0, -1.0, 1.0)[:, None]
    total = float(spread.sum())
    shares = variance / total if total > 0 else np.full(2, np.nan)
    return Plane(centred @ directions.T, shares)


def aligned(points: np.ndarray, to: np.ndarray) -> np.ndarray:
    """`points` (n, 2), turned or mirrored about the origin, not stretched, to lie as close as they
    can to the points `to`, row by row (orthogonal Procrustes; Schönemann 1966)."""
    left, _, right = np.linalg.svd(points.T @ to)
    return points @ (left @ right)


def neighbours(vectors: np.ndarray, i: int, most: int = 8) -> list[tuple[int, float]]:
    """The vectors of (n, C) that point most nearly where the i-th does, and the cosine of the angle
    between: 1 the same way, 0 at right angles. Of equals the first come first; where the i-th is
    zero there are none."""
    lengths = np.linalg.norm(vectors, axis=1)
    if lengths[i] == 0:
        return []
    cosines = vectors @ vectors[i] / np.maximum(lengths * lengths[i], 1e-300)
    order = np.argsort(-cosines, kind="stable")
    return [(int(j), float(cosines[j])) for j in order[: most + 1] if j != i][:most]


def by_chance(n: int, size: int, seed: int = 0) -> Chance:
    """What a plane shows of n vectors of `size` normal random numbers each, as embeddings are
    before the first step of a training: means over eight draws, and in each over eight vectors."""
    rng = np.random.default_rng(seed)
    shares, cosines = [], []
    for _ in range(DRAWS if n < MANY else 1):
        vectors = rng.standard_normal((n, size))
        shares.append(plane(vectors).shares.sum())
        cosines += [neighbours(vectors, i, 1)[0][1] for i in range(min(n, DRAWS))]
    return Chance(float(np.mean(shares)), float(np.mean(cosines)))


def token_class(tokenizer: Tokenizer) -> list[str]:
    """What kind of token each of the vocabulary is: V names.

    Characters: by what they are in Unicode, `OF_CHARACTERS`. BPE: by whether a word's piece has a
    space before it, and by its length, `OF_PIECES`.
    """
    classes = [_of_piece(token) if tokenizer.kind == "bpe" else _of_character(token)
               for token in tokenizer.tokens]  # fmt: skip
    if tokenizer.kind == "bpe":
        for i, its in enumerate(tokenizer.token_bytes):
            if "\ufffd" in its.decode("utf-8", "replace"):
                classes[i] = "parts of characters"
    for i in (tokenizer.pad_id, tokenizer.unk_id, tokenizer.eos_id):
        classes[i] = "special tokens"
    return classes


def _of_character(character: str) -> str:
    category = unicodedata.category(character[0])
    if character.isspace():
        return "space"
    if category in ("Lu", "Lt"):
        return "capitals"
    if category == "Ll" and unicodedata.name(character[0], "").startswith(SCRIPTS):
        base = unicodedata.normalize("NFD", character)[0]
        return "vowels" if base in VOWELS else "consonants"
    kinds = {"N": "digits", "P": "punctuation", "S": "punctuation"}
    return kinds.get(category[0], "other signs")


def _of_piece(token: str) -> str:
    word = token.removeprefix(" ")
    if not any(letter.isalnum() for letter in word):
        return "space and punctuation"
    if all(letter.isnumeric() for letter in word):
        return "digits"
    before = "after a space" if token != word else "no space before"
    return f"{before}, {'1 or 2 letters' if len(word) <= SHORT else '3 or more'}"
