"""Where texts and runs are kept."""

from minigpt.store.records import (
    ACTIVE,
    EVERYONE,
    Curves,
    MetricsRow,
    Results,
    Run,
    State,
    Text,
    Wish,
)
from minigpt.store.store import Store, home

__all__ = [
    "ACTIVE",
    "EVERYONE",
    "Curves",
    "MetricsRow",
    "Results",
    "Run",
    "State",
    "Store",
    "Text",
    "Wish",
    "home",
]
