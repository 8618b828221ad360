"""Sums: what follows has to be worked out."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import ClassVar

import numpy as np

from minigpt.corpus.worlds.world import World, after


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
        return after(line, "=")
