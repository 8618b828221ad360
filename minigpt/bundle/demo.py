"""The demo run that comes with the app: always there, for everybody."""

import hashlib
import threading
from functools import cache

from minigpt.bundle.importing import import_run
from minigpt.corpus.library import ASSETS, LIBRARY
from minigpt.limits import Limits
from minigpt.store import DEMO_PREFIX, EVERYONE, LIBRARY_SHELF, Store

DEMO = ASSETS / "demo.safetensors"
_unpacking = threading.Lock()


@cache
def demo_id() -> str:
    """The id of this version's demo run."""
    return DEMO_PREFIX + hashlib.sha256(DEMO.read_bytes()).hexdigest()[:12]


def ensure_demo(store: Store) -> str:
    """The id of the bundled demo run, unpacked into the store unless it is there already."""
    run_id = demo_id()
    if store.has_run(run_id):
        return run_id
    with _unpacking:
        if not store.has_run(run_id):
            store.delete_run(run_id)  # where it was asked to go, and stands there still
            tales = LIBRARY["tales"]  # the text it has learned, by which it is explained
            store.add_text(LIBRARY_SHELF, tales.title, tales.read())
            # It is as large as it is, whatever an installation allows its visitors.
            import_run(store, DEMO.read_bytes(), EVERYONE, run_id, Limits())
        for run in store.runs(EVERYONE):
            if run.bundled and run.id != run_id:  # of an earlier version of the app
                store.delete_run(run.id)
    return run_id
