"""Worlds with a known answer: texts made by a rule, whose lowest possible loss we can compute.

In a real text nobody knows how low the loss can get. Here we do: a world's floor is its entropy
rate (Shannon 1948), the surprise that is left to whoever knows the rule. Where the rule fixes what
comes next, there is a right answer, and the share of right answers is an exact score.
"""

import json
import math
import string
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import accumulate, chain, islice
from random import Random
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from minigpt.config import InputError

BEGINNING = 160  # characters of a text to be shown


@dataclass(frozen=True)
class World(ABC):
    """A rule that writes lines by chance; the same seed writes the same text."""

    name: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]
    seed: int = 1

    def __post_init__(self) -> None:
        if type(self.seed) is not int or not 0 <= self.seed < 2**32:
            raise InputError(f"the seed is {self.seed!r}: choose a whole number from 0 to 2³² - 1")

    @abstractmethod
    def lines(self, chance: Random) -> Iterator[str]:
        """Lines without end, each with its newline."""

    @property
    @abstractmethod
    def floor(self) -> float:
        """The entropy rate in nats per character: no model can reach a lower loss."""

    def text(self, characters: int) -> str:
        """Whole lines of at least so many characters."""
        lines, length = [], 0
        for line in self.lines(Random(self.seed)):
            lines.append(line)
            length += len(line)
            if length >= characters:
                return "".join(lines)
        raise AssertionError("lines never end")

    def beginning(self) -> str:
        """What its text begins with: three lines, or as much of one that is long."""
        first = islice(self.lines(Random(self.seed)), 3)
        return "".join(first)[:BEGINNING]

    def answers(self, line: str) -> list[bool]:
        """For each character of a line, or of its beginning, whether the rule fixes it."""
        return [False] * len(line)

    @property
    def asks(self) -> bool:
        """Whether there is a character that the rule fixes."""
        return type(self).answers is not World.answers

    def to_json(self) -> str:
        return json.dumps({"world": self.name, **asdict(self)})


def _after(line: str, mark: str) -> list[bool]:
    """True for all that stands behind the mark."""
    at = line.find(mark)
    return [at >= 0 and i > at for i in range(len(line))]


@dataclass(frozen=True)
class Induction(World):
    """A random sequence of different letters, four times over."""

    name = "induction"
    title = "Repeated sequences"
    about = (
        "Each line is a few different letters by chance, four times over. Nothing in it can be "
        "learned by heart: the only way is to find where a letter stood before and copy what came "
        "after it. An induction head appears (Olsson et al. 2022)."
    )
    letters, lengths, times = string.ascii_lowercase[:16], range(3, 9), 4

    def lines(self, chance: Random) -> Iterator[str]:
        while True:
            once = chance.sample(self.letters, chance.choice(self.lengths))
            yield "".join(once) * self.times + "\n"

    @property
    def floor(self) -> float:
        # A line is its length and its letters: all else follows.
        n = len(self.letters)
        letters = [sum(math.log(n - i) for i in range(length)) for length in self.lengths]
        nats = math.log(len(self.lengths)) + np.mean(letters)
        return float(nats / (self.times * np.mean(self.lengths) + 1))

    def answers(self, line: str) -> list[bool]:
        # The letters differ, so the first one seen again tells that the repetition has begun.
        again = line.find(line[0], 1) if line else -1
        return [0 < again < i for i in range(len(line))]


class _Marked(World):
    """A random word, a mark, and what the rule makes of the word."""

    letters: ClassVar = "abcdefghij"
    lengths: ClassVar = range(3, 11)

    def lines(self, chance: Random) -> Iterator[str]:
        while True:
            word = "".join(chance.choices(self.letters, k=chance.choice(self.lengths)))
            yield f"{word}|{self.answer(word)}\n"

    @abstractmethod
    def answer(self, word: str) -> str: ...

    @property
    def floor(self) -> float:
        length = np.mean(self.lengths)
        nats = math.log(len(self.lengths)) + length * math.log(len(self.letters))
        return float(nats / (2 * length + 2))

    def answers(self, line: str) -> list[bool]:
        return _after(line, "|")


@dataclass(frozen=True)
class Copy(_Marked):
    """A word, and the same word."""

    name = "copy"
    title = "Copy"
    about = (
        "A word of random letters, a bar, the same word. Letters may repeat, so it is not enough "
        "to look for the last one: watch a head that counts positions."
    )

    def answer(self, word: str) -> str:
        return word


@dataclass(frozen=True)
class Reverse(_Marked):
    """A word, and the word backwards."""

    name = "reverse"
    title = "Reverse"
    about = (
        "A word of random letters, a bar, the word backwards: the place to look moves to the left "
        "while the writing moves to the right."
    )

    def answer(self, word: str) -> str:
        return word[::-1]


@dataclass(frozen=True)
class Brackets(World):
    """Well nested brackets of three kinds."""

    name = "brackets"
    title = "Brackets"
    about = (
        "Three kinds of brackets, nested as they should be. When one closes is chance; which one "
        "is not: the model has to remember the innermost that is open. "
        "The score counts the closing ones."
    )
    opening, closing = "([{", ")]}"
    p_open, p_end, depth = 0.4, 0.3, 8  # open one more; end the line when all are closed

    def lines(self, chance: Random) -> Iterator[str]:
        while True:
            written, open_ = [], []
            while True:
                if len(open_) == self.depth:
                    opens = False
                elif open_:
                    opens = chance.random() < self.p_open
                else:
                    opens = not written or chance.random() >= self.p_end
                    if not opens:
                        break
                if opens:
                    kind = chance.randrange(3)
                    open_.append(kind)
                    written.append(self.opening[kind])
                else:
                    written.append(self.closing[open_.pop()])
            yield "".join(written) + "\n"

    @property
    def floor(self) -> float:
        # States of a Markov chain: 0 at the start of a line, 1 + d with d brackets open.
        n, kind = self.depth + 2, math.log(3)
        moves, nats = np.zeros((n, n)), np.zeros(n)
        moves[0, 2], nats[0] = 1.0, kind
        moves[1, 0], moves[1, 2] = self.p_end, 1 - self.p_end
        nats[1] = _coin(self.p_end) + (1 - self.p_end) * kind
        for state in range(2, n - 1):
            moves[state, state - 1], moves[state, state + 1] = 1 - self.p_open, self.p_open
            nats[state] = _coin(self.p_open) + self.p_open * kind
        moves[n - 1, n - 2] = 1.0
        return float(stationary(moves) @ nats)

    def answers(self, line: str) -> list[bool]:
        return [character in self.closing for character in line]


@dataclass(frozen=True)
class Addition(World):
    """Two-digit sums."""

    name = "addition"
    title = "Two-digit addition"
    about = (
        "Sums of two two-digit numbers. There are only 8,100: a long text holds most of them, so "
        "take a short one (50,000 characters hold under half) to see whether the model learns to "
        "add or learns the answers by heart."
    )
    numbers: ClassVar = range(10, 100)

    def lines(self, chance: Random) -> Iterator[str]:
        while True:
            a, b = chance.choice(self.numbers), chance.choice(self.numbers)
            yield f"{a}+{b}={a + b}\n"

    @property
    def floor(self) -> float:
        lengths = [len(f"{a}+{b}={a + b}\n") for a in self.numbers for b in self.numbers]
        return float(2 * math.log(len(self.numbers)) / np.mean(lengths))

    def answers(self, line: str) -> list[bool]:
        return _after(line, "=")


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


def _coin(p: float) -> float:
    """Entropy of a coin, in nats."""
    return -p * math.log(p) - (1 - p) * math.log(1 - p)


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


WORLDS: Mapping[str, type[World]] = MappingProxyType(
    {world.name: world for world in (Induction, Copy, Reverse, Brackets, Addition, Markov)}
)


def load(origin: str) -> World | None:
    """The world that `to_json` described; None where a text comes from none."""
    if not origin:
        return None
    values = json.loads(origin)
    return WORLDS[values.pop("world")](**values)


@dataclass(frozen=True)
class Exam:
    """Lines from their beginnings, and where in them there is a right answer.

    inputs, targets: int64 (n, T); asked: bool (n, T), of the targets.
    """

    inputs: np.ndarray
    targets: np.ndarray
    asked: np.ndarray


EXAM_LINES, EXAM_TOKENS = 32, 64


def exam(world: World, text: str, ids: np.ndarray, block_size: int) -> Exam | None:
    """An exam in a text of this world that the model does not learn from; one id a character.

    Its pieces begin where lines do: in the middle of a line even who knows the rule cannot know.
    None where the rule fixes nothing, or the text is too short.
    """
    T = min(block_size, EXAM_TOKENS)
    starts = [0, *(i + 1 for i, character in enumerate(text) if character == "\n")]
    starts = [start for start in starts[1:] if start + T < len(text)]
    if not starts:
        return None
    chosen = np.linspace(0, len(starts) - 1, min(EXAM_LINES, len(starts))).round().astype(int)
    pieces = [text[starts[i] : starts[i] + T + 1] for i in chosen]
    asked = np.array(
        [list(chain(*map(world.answers, piece.splitlines(keepends=True)))) for piece in pieces]
    )[:, 1:]
    if not asked.any():
        return None
    tokens = np.stack([ids[starts[i] : starts[i] + T + 1] for i in chosen]).astype(np.int64)
    return Exam(tokens[:, :-1], tokens[:, 1:], asked)
