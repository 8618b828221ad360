"""A run as one file, for who downloads it: made in the bounded child, given to one after the other.

Streamlit makes it in a thread where no page is drawn, so nothing can be said there, and a handful
of threads make whatever visitors download. The server then holds the file until it was fetched, and
while it is compressed on its way three and a half times its size.
"""

import threading
import time
from contextlib import ExitStack

from streamlit import runtime

from minigpt import bundle
from minigpt.config import InputError
from minigpt.engine.bounded import Bounded
from minigpt.limits import Limits
from minigpt.store import Run
from minigpt.ui import services

SHARE = 1 / 6  # of the child's memory: so large a file may be
LITTLE = 5_000_000  # bytes; made here, for that takes less than a child's start, and twice as many
MOST_WAITING = 3  # of the five threads that there are at least
PATIENCE = 20.0  # seconds
BYTES_A_SECOND = 10_000_000  # that a file goes out with; a server compresses 11 to 20 million

_line = Bounded(0)  # never has a child: the first in its line is given a file, the others wait


def most_bytes(limits: Limits) -> int:
    """How large a file pages give: none that could not be imported here, nor takes much memory."""
    return int(1e6 * min(limits.max_import_mb, SHARE * limits.max_work_mb))


def contents(run: Run, limits: Limits) -> bundle.Contents:
    """What goes into a run's file. Raises InputError where none can be made."""
    return bundle.contents(services.store(), run, most_bytes=most_bytes(limits))


def make(run: Run, limits: Limits, who: str) -> bytes:
    """A run's file for the session `who`. Raises InputError, which its browser does not show."""
    if runtime.exists():  # files that were fetched need not stay until the next page is drawn
        runtime.get_instance().media_file_mgr.remove_orphaned_files()
    if contents(run, limits).bytes <= LITTLE:
        return bundle.export_run(services.store(), run, most_bytes=most_bytes(limits))
    until = time.monotonic() + PATIENCE

    def waits(before: int) -> None:
        if before and time.monotonic() > until:
            raise InputError("heavy work of others comes before this file: ask again in a minute")

    def stands(before: int) -> None:
        if before > MOST_WAITING:
            raise InputError(f"{before} others wait for a file already: ask again in a minute")
        waits(before)

    with ExitStack() as place:
        place.enter_context(_line.turn(who, stands))
        data = services.export_run(run, most_bytes(limits), who, waits)
        given = threading.Timer(len(data) / BYTES_A_SECOND, place.pop_all().close)
        given.daemon = True
        given.start()
        return data
