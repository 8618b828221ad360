"""Worlds with a known answer: texts made by a rule, whose lowest possible loss we can compute.

In a real text nobody knows how low the loss can get. Here we do: a world's floor is its entropy
rate (Shannon 1948), the surprise that is left to whoever knows the rule. Where the rule fixes what
comes next, there is a right answer, and the share of right answers is an exact score.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType

from minigpt.corpus.worlds.addition import Addition
from minigpt.corpus.worlds.brackets import Brackets
from minigpt.corpus.worlds.copying import Copy, Induction, Reverse
from minigpt.corpus.worlds.exams import Exam, exam
from minigpt.corpus.worlds.facts import Facts
from minigpt.corpus.worlds.markov import Markov
from minigpt.corpus.worlds.world import World

__all__ = [
    "WORLDS",
    "Addition",
    "Brackets",
    "Copy",
    "Exam",
    "Facts",
    "Induction",
    "Markov",
    "Reverse",
    "World",
    "exam",
    "load",
]

WORLDS: Mapping[str, type[World]] = MappingProxyType(
    {world.name: world for world in (Induction, Copy, Reverse, Facts, Brackets, Addition, Markov)}
)


def load(origin: str) -> World | None:
    """The world that `to_json` described; None where a text comes from none."""
    if not origin:
        return None
    values = json.loads(origin)
    return WORLDS[values.pop("world")](**values)
