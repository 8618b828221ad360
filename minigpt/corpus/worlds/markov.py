"""A Markov chain: each letter depends on the one before, and on nothing else."""

import math
import string
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import ClassVar

import numpy as np

from minigpt.config import InputError
from minigpt.corpus.worlds.world import World


@dataclass(frozen=True)
class Markov(World):
    """A chain in which each letter depends on the one before, as loosely as one chooses.

    `bits` is its entropy rate, in bits per character: 0 writes the same for ever, 4 is pure chance.
    """

    name = "markov"
    title = "Markov chain"
    about = (
        "Each of 16 letters depends on the one before, and on nothing else. You choose how much "
        "chance there is: the loss falls to just that, as far as counting pairs of letters gets, "
        "and no further, however large the model is."
    )
    letters: ClassVar = string.ascii_lowercase[:16]
    bits: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        most = math.log2(len(self.letters))
        if not isinstance(self.bits, int | float) or not 0.1 <= self.bits <= most - 0.1:
            raise InputError(
                f"the entropy is {self.bits!r} bits per character: "
                f"choose between 0.1 and {most - 0.1:g}"
            )

    def transitions(self) -> np.ndarray:
        """p(next | letter), (16, 16), rows sum to 1: random, and as sharp as the entropy asks."""
        scores = np.random.default_rng(self.seed).normal(size=(16, 16))
        low, high = 0.0, 1.0
        while _entropy_rate(_softmax(high * scores)) > self.nats:
            low, high = high, 2 * high
        for _ in range(60):  # halves the interval, to the precision of floats
            middle = (low + high) / 2
            if _entropy_rate(_softmax(middle * scores)) > self.nats:
                low = middle
            else:
                high = middle
        return _softmax(high * scores)

    @property
    def nats(self) -> float:
        return self.bits * math.log(2)

    @property
    def floor(self) -> float:
        return self.nats

    def lines(self, chance: Random) -> Iterator[str]:
        rows = [list(accumulate(row)) for row in self.transitions().tolist()]
        at = chance.randrange(16)
        while True:
            written = []
            for _ in range(1_000):
                (at,) = chance.choices(range(16), cum_weights=rows[at])
                written.append(self.letters[at])
            yield "".join(written)


def _softmax(scores: np.ndarray) -> np.ndarray:
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def stationary(moves: np.ndarray) -> np.ndarray:
    """How often a Markov chain is in each state: (n,), for moves[i, j] = p(j | i), (n, n)."""
    n = len(moves)
    equations = np.vstack([moves.T - np.eye(n), np.ones(n)])
    return np.linalg.lstsq(equations, np.append(np.zeros(n), 1.0), rcond=None)[0]


def _entropy_rate(moves: np.ndarray) -> float:
    """In nats per step (Cover & Thomas, Elements of Information Theory, eq. 4.29)."""
    logs = np.log(np.where(moves > 0, moves, 1.0))
    return float(stationary(moves) @ -(moves * logs).sum(axis=1))
