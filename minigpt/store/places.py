"""In which order those in line begin: workspaces share what a machine has before their runs do."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from minigpt.store.records import EVERYONE


class Place(NamedTuple):
    """A run in line, or one that trains."""

    run_id: str
    workspace: str
    at_once: bool = False  # it is asked for a single step, which goes before all else


def holder(run_id: str, workspace: str) -> str:
    """Among whom a machine is shared: workspaces; the runs that are for everyone stand for
    themselves."""
    return run_id if workspace == EVERYONE else workspace


def in_order(line: Iterable[Place], running: Iterable[Place]) -> list[str]:
    """Ids of the runs in line, the next one first: whoever has fewer runs, before the others or
    training, goes first; among equals, who came first, which is how `line` comes."""
    have = Counter(holder(place.run_id, place.workspace) for place in running)
    keys = {}
    for place in line:
        who = holder(place.run_id, place.workspace)
        keys[place.run_id] = not place.at_once, have[who]
        have[who] += not place.at_once
    return sorted(keys, key=keys.__getitem__)
