"""Where texts and runs are kept."""

from minigpt.store.database import StoreError
from minigpt.store.line import Wait, wait
from minigpt.store.records import EVERYONE, LIBRARY_SHELF, Curves, MetricsRow, Results, Run, Text
from minigpt.store.states import ACTIVE, EXTENDABLE, NO_WEIGHTS, State, Wish
from minigpt.store.store import MAX_NAME, Store, home, text_id_of

__all__ = [
    "ACTIVE",
    "EVERYONE",
    "EXTENDABLE",
    "LIBRARY_SHELF",
    "MAX_NAME",
    "NO_WEIGHTS",
    "Curves",
    "MetricsRow",
    "Results",
    "Run",
    "State",
    "Store",
    "StoreError",
    "Text",
    "Wait",
    "Wish",
    "home",
    "text_id_of",
    "wait",
]
