"""What state a run can be in, how it gets from one to the next, and who may ask for what.

A page asks, the worker obeys. `queued` is the only state a page sets itself: it is a place in line.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

State = Literal["queued", "running", "paused", "finished", "stopped", "diverged", "failed"]
Wish = Literal["running", "paused", "stopped", "deleted"]

ACTIVE: tuple[State, ...] = ("queued", "running", "paused")

TRANSITIONS: Mapping[State, tuple[State, ...]] = MappingProxyType(
    {
        "queued": ("running", "paused", "stopped", "failed"),
        # Back to queued: the worker was replaced, and the new one has not taken it up yet.
        "running": ("paused", "finished", "stopped", "diverged", "failed", "queued"),
        "paused": ("queued", "stopped"),
        "finished": ("queued",),  # to train longer
        "stopped": ("queued",),
        "diverged": (),
        "failed": (),
    }
)

# Asking twice, or asking for what is so already, changes nothing: double clicks do no harm.
WISHABLE: Mapping[Wish, tuple[State, ...]] = MappingProxyType(
    {
        "running": ACTIVE,
        "paused": ACTIVE,
        "stopped": ACTIVE,
        "deleted": tuple(TRANSITIONS),
    }
)
# What a run is called between what was asked for and what it is by then.
ON_ITS_WAY: Mapping[Wish, str] = MappingProxyType(
    {"paused": "pausing", "stopped": "stopping", "deleted": "going"}
)
# Why there is nothing to look at in a run whose weights are not kept, for whoever asks for them.
NO_WEIGHTS: Mapping[State, str] = MappingProxyType(
    {
        "queued": "this run waits in line and has no weights yet: they come with its first step",
        "running": "this run has no weights yet: wait until it has made its first step",
        "paused": "this run was paused before its first step, so it has no weights yet: resume it",
        "finished": "this run has no weights: they are not in the store, so start a new one",
        "stopped": (
            "this run was stopped before its first step, so it has no weights: let it train "
            "longer, or start a new one"
        ),
        "diverged": "this run diverged before weights were kept: start one with a lower rate",
        "failed": "this run failed before its first step, so it has no weights: start a new one",
    }
)
EXTENDABLE: tuple[State, ...] = ("finished", "stopped")
