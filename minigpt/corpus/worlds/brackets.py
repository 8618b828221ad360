"""Brackets that nest: what closes depends on what is open."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import numpy as np

from minigpt.corpus.worlds.markov import stationary
from minigpt.corpus.worlds.world import World


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


def _coin(p: float) -> float:
    """Entropy of a coin, in nats."""
    return -p * math.log(p) - (1 - p) * math.log(1 - p)
