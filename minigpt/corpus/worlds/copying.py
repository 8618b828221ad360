"""What stood before is written again: the same, or backwards."""

import math
import string
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import ClassVar

import numpy as np

from minigpt.corpus.worlds.world import World, after


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
        return after(line, "|")


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
