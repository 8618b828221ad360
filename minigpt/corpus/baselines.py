"""How well simple counting predicts a text: the lines a trained model has to get under."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from random import Random

import numpy as np

from minigpt.corpus.units import bits_per_character

# Tokens, of which each takes several numbers while it is counted, and more while it is scored.
AT_ONCE, SCORED_AT_ONCE = 1 << 20, 1 << 18


@dataclass(frozen=True)
class Baselines:
    """Validation loss of models that only count, in nats per token."""

    uniform: float
    unigram: float
    bigram: float
    trigram: float

    def in_bits_per_character(self, characters_per_token: float) -> dict[str, float]:
        """The same in bits per character, comparable whatever the tokenizer, by name."""
        return {
            name: bits_per_character(loss, characters_per_token)
            for name, loss in asdict(self).items()
        }


def fit_baselines(train_ids: np.ndarray, val_ids: np.ndarray, vocab_size: int) -> Baselines:
    """Counts `train_ids`, shape (n,), and scores the tokens of `val_ids`, shape (m,), m ≥ 2.

    The unigram model adds one to every count; the others are those of `NGrams`. Every model scores
    the same tokens, all but the first; the trigram model has only the bigram's context for the
    second.
    """
    V, train_ids = vocab_size, np.asarray(train_ids)
    unigram, ngrams = np.bincount(train_ids, minlength=V) + 1, NGrams(train_ids, V)
    scored, nats = len(val_ids) - 1, np.zeros(3)
    for start in range(0, scored, SCORED_AT_ONCE):
        ids = np.asarray(val_ids[max(0, start - 1) : start + SCORED_AT_ONCE + 1], np.int64)
        new = ids[1 if start else 0 :]  # all but its first are scored here, with one more before it
        trigram = ngrams.trigram(ids[:-2], ids[1:-1], ids[2:])
        bigram = ngrams.bigram(new[:-1], new[1:])
        if not start:
            trigram = np.append(bigram[0], trigram)
        each = (unigram[new[1:]] / unigram.sum(), bigram, trigram)
        nats -= [np.log(p).sum() for p in each]
    return Baselines(float(np.log(V)), *(nats / scored).tolist())


class NGrams:
    """The bigram and the trigram model of `train_ids`, shape (n,): interpolated Kneser-Ney (Chen &
    Goodman 1998, eq. 27), each with one absolute discount n₁ / (n₁ + 2 n₂), down to the uniform
    distribution: no token ever has probability 0."""

    def __init__(self, train_ids: np.ndarray, vocab_size: int) -> None:
        V, ids = vocab_size, np.asarray(train_ids)
        self.vocab_size = V
        self._pairs, self._triples = (_Counts(_keys(ids, n, V), V) for n in (2, 3))
        # What follows a pair's context a is counted in tokens for the bigram model, and in
        # different tokens before it (continuations) where a trigram model falls back to it.
        # Likewise one below. Each distinct triple is one continuation of the pair in its end.
        self._continuations = _Counts((part % V**2 for part in _parts(self._triples.seen)), V)
        kinds_before = self._pairs.distinct_before()  # of each token, shape (V,)
        kinds = np.count_nonzero(kinds_before)
        self._lowest = _discounted(kinds_before, kinds_before.sum(), kinds, 1 / V)

    def bigram(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """p(b | a), each int64 (n,): (n,)."""
        return self._pairs.score(a, b, self._lowest[b])

    def trigram(self, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
        """p(c | a b), each int64 (n,): (n,)."""
        lower = self._continuations.score(b, c, self._lowest[c])
        return self._triples.score(a * self.vocab_size + b, c, lower)

    def trigram_nats(self, rows: np.ndarray) -> np.ndarray:
        """The cross-entropy of every token but the first, given the two before it in its row, or
        the one before the second: (n, T - 1) of ids (n, T)."""
        rows = np.asarray(rows, np.int64)
        first = self.bigram(rows[:, 0], rows[:, 1])[:, None]
        a, b, c = (rows[:, i : rows.shape[1] - 2 + i].ravel() for i in range(3))
        return -np.log(np.hstack([first, self.trigram(a, b, c).reshape(len(rows), -1)]))


def counted_text(train_ids: np.ndarray, n: int, vocab_size: int, seed: int) -> np.ndarray:
    """What a model that only counts writes: int64 (n,).

    Each token is drawn as often as it follows the two before it in `train_ids`, shape (m,), m > 0:
    the third-order approximation of Shannon (1948), without smoothing. Where these two stand only
    at the end, it is drawn after the one before, and where that does too, from all tokens.
    """
    V, ids, rng = vocab_size, np.asarray(train_ids), Random(seed)
    tokens, pairs, triples = (_Counts(_keys(ids, n, V), V) for n in (1, 2, 3))
    written: list[int] = []
    for _ in range(n):
        drawn = None
        if len(written) > 1:
            drawn = triples.draw(written[-2] * V + written[-1], rng)
        if drawn is None and written:
            drawn = pairs.draw(written[-1], rng)
        written.append(tokens.draw(0, rng) if drawn is None else drawn)
    return np.array(written, dtype=np.int64)


class _Counts:
    """How often each token follows each context, counted sparsely: V² cells would not fit."""

    def __init__(self, keys: Iterable[np.ndarray], vocab_size: int) -> None:
        """`keys`, int64 (n,) each, are all pairs of context and token: context * V + token."""
        self.vocab_size = vocab_size
        self.seen, self.counts = _counted(keys)
        owners = self.seen // vocab_size
        first = np.flatnonzero(np.diff(owners, prepend=-1))
        self.contexts = owners[first]
        self.totals = np.add.reduceat(self.counts, first) if len(first) else first
        self.kinds = np.diff(first, append=len(owners))  # how many different tokens follow

    def distinct_before(self) -> np.ndarray:
        """In how many different contexts each token was seen: (V,)."""
        return np.bincount(self.seen % self.vocab_size, minlength=self.vocab_size)

    def draw(self, context: int, rng: Random) -> int | None:
        """A token, as often as it follows a context; None where none does."""
        low = bisect_left(self._keys, context * self.vocab_size)
        high = bisect_left(self._keys, (context + 1) * self.vocab_size, low)
        if low == high:
            return None
        before = self._up_to[low - 1] if low else 0
        place = bisect_right(self._up_to, rng.randrange(before, self._up_to[high - 1]), low, high)
        return self._keys[place] % self.vocab_size

    @cached_property
    def _keys(self) -> memoryview:  # whose items are ints: fast to bisect
        return memoryview(self.seen)

    @cached_property
    def _up_to(self) -> memoryview:
        return memoryview(np.cumsum(self.counts))

    def score(self, contexts: np.ndarray, tokens: np.ndarray, lower: np.ndarray) -> np.ndarray:
        """p(token | context) for each of n, where `lower`, shape (n,), is the model below."""
        counts = _looked_up(self.seen, self.counts, contexts * self.vocab_size + tokens)
        totals = _looked_up(self.contexts, self.totals, contexts)
        kinds = _looked_up(self.contexts, self.kinds, contexts)
        known = totals > 0
        discount = _discount(self.counts)
        held_back = np.where(known, discount * kinds / np.maximum(totals, 1), 1.0)
        kept = np.where(known, np.maximum(counts - discount, 0) / np.maximum(totals, 1), 0.0)
        return kept + held_back * lower


def _keys(ids: np.ndarray, n: int, vocab_size: int) -> Iterator[np.ndarray]:
    """Each n tokens in a row as one number, int64, a part of the text at a time."""
    for start in range(0, len(ids) - n + 1, AT_ONCE):
        part = np.asarray(ids[start : start + AT_ONCE + n - 1], np.int64)
        keys = part[: len(part) - n + 1].copy()
        for later in range(1, n):
            keys *= vocab_size
            keys += part[later : later + len(keys)]
        yield keys


def _parts(keys: np.ndarray) -> Iterator[np.ndarray]:
    return (keys[start : start + AT_ONCE] for start in range(0, len(keys), AT_ONCE))


def _counted(keys: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The different keys in order, and how often each stands in any part: int64, (n,) each."""
    seen = counts = np.empty(0, dtype=np.int64)
    for part in keys:
        found, times = np.unique(part, return_counts=True)
        at = np.searchsorted(seen, found)
        known = np.zeros(len(found), dtype=bool)
        known[: np.searchsorted(at, len(seen))] = True
        known[known] = seen[at[known]] == found[known]
        counts[at[known]] += times[known]
        seen = np.insert(seen, at[~known], found[~known])
        counts = np.insert(counts, at[~known], times[~known])
    return seen, counts


def _looked_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The value of each wanted key, 0 where there is none; keys are sorted."""
    if not len(keys):
        return np.zeros(len(wanted), dtype=np.int64)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0)


def _discount(counts: np.ndarray) -> float:
    """n₁ / (n₁ + 2 n₂), of counts that occur once and twice (Ney et al. 1994)."""
    ones, twos = np.count_nonzero(counts == 1), np.count_nonzero(counts == 2)
    return ones / (ones + 2 * twos) if ones else 0.5


def _discounted(counts: np.ndarray, total: int, kinds: int, lower: float) -> np.ndarray:
    """p of each token in one context, interpolated with a constant below: the shape of counts."""
    if not total:
        return np.full(len(counts), lower)
    discount = _discount(counts)
    return np.maximum(counts - discount, 0) / total + discount * kinds / total * lower
