"""Where texts and runs are kept."""

from minigpt.store.files import StoreError, is_of_disk, refused
from minigpt.store.line import STINT_SECONDS, Wait, wait
from minigpt.store.places import holder
from minigpt.store.records import (
    DEMO_PREFIX,
    EVERYONE,
    LIBRARY_SHELF,
    MAX_NAME,
    Curves,
    Run,
    Text,
    as_name,
)
from minigpt.store.states import ACTIVE, EXTENDABLE, NO_WEIGHTS, State, Wish
from minigpt.store.store import Store, home, text_id_of

__all__ = [
    "ACTIVE",
    "DEMO_PREFIX",
    "EVERYONE",
    "EXTENDABLE",
    "LIBRARY_SHELF",
    "MAX_NAME",
    "NO_WEIGHTS",
    "STINT_SECONDS",
    "Curves",
    "Run",
    "State",
    "Store",
    "StoreError",
    "Text",
    "Wait",
    "Wish",
    "as_name",
    "holder",
    "home",
    "is_of_disk",
    "refused",
    "text_id_of",
    "wait",
]
