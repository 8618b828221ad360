"""What every world is: a rule that writes lines by chance."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from random import Random
from typing import ClassVar

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


def after(line: str, mark: str) -> list[bool]:
    """True for all that stands behind the mark."""
    at = line.find(mark)
    return [at >= 0 and i > at for i in range(len(line))]
