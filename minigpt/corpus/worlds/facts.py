"""Facts: what is asked for was told before, and is found by looking back."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from random import Random
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from minigpt.corpus.worlds.world import World

QUESTION = "Where is the {thing}? In the {place}.\n"
FACT = "The {thing} is in the {place}. "
ASKING = "? In the "  # and then comes what has to be looked up


@dataclass(frozen=True)
class Facts(World):
    """Where up to three things are, and then one of them is asked for (in the manner of bAbI;
    Weston et al. 2015)."""

    name = "facts"
    title = "Facts"
    about = (
        "Each line tells where one, two or three things are, and then asks for one of them. Each "
        "thing has six places of its own, and where it is this time is chance: the only way is to "
        "look back. On Attention, see which head does. The score counts the first letter of the "
        "place, for that is what has to be found; the others follow from it."
    )
    # No two places begin with one letter.
    places: ClassVar = MappingProxyType(
        {
            "cat": ("attic", "garden", "hall", "nest", "tree", "yard"),
            "cup": ("cellar", "inn", "kitchen", "oven", "river", "sink"),
            "key": ("box", "drawer", "jar", "lock", "pocket", "wallet"),
        }
    )
    told: ClassVar = range(1, 4)

    def lines(self, chance: Random) -> Iterator[str]:
        while True:
            where = {thing: chance.choice(places) for thing, places in self.places.items()}
            things = chance.sample([*where], chance.choice(self.told))
            asked = chance.choice(things)
            facts = (FACT.format(thing=thing, place=where[thing]) for thing in things)
            yield "".join(facts) + QUESTION.format(thing=asked, place=where[asked])

    def beginning(self) -> str:
        """As far as the first place that has to be looked up among several."""
        text = ""
        for line in self.lines(Random(self.seed)):
            if line.count(" is in the ") > 1:
                return text + line[: line.index(ASKING) + len(ASKING)]
            text += line
        raise AssertionError("lines never end")

    @property
    def floor(self) -> float:
        # A line is how many things, which in which order, where each is, and which is asked for.
        n, place = len(self.places), np.mean([math.log(len(p)) for p in self.places.values()])
        order = [sum(math.log(n - i) for i in range(told)) for told in self.told]
        nats = math.log(len(self.told)) + np.mean(order)
        nats += np.mean([told * place + math.log(told) for told in self.told])
        words = np.mean([len(thing) for thing in self.places])
        words += np.mean([len(place) for place in chain(*self.places.values())])
        fact, question = (len(form.format(thing="", place="")) + words for form in (FACT, QUESTION))
        return float(nats / (np.mean(self.told) * fact + question))

    def answers(self, line: str) -> list[bool]:
        at = line.find(ASKING)
        return [at >= 0 and i == at + len(ASKING) for i in range(len(line))]
