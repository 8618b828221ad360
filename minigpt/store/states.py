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
EXTENDABLE: tuple[State, ...] = ("finished", "stopped")
