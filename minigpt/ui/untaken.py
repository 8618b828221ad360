"""Uploads that nobody has taken: how many bytes of them a server keeps, and for how long.

Streamlit keeps an uploaded file in memory for as long as its session, and a session for minutes
after its browser has left. So pages let go of a file as soon as they have read it; what no page has
read goes when its browser has left, or when there is too much of it.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from streamlit import config, runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from minigpt.config import InputError
from minigpt.limits import Limits

LOOK_SECONDS = 2.0
LEFT_SECONDS = 30.0  # a browser that comes back within so long finds its files
SHARE, MOST_BYTES = 0.02, 120_000_000  # of all sessions: so much of the memory, and at most
LARGEST = "server.maxUploadSize"  # Streamlit's own limit of a file, in MiB
SMALL = 1_000_000  # bytes of a file that is read whatever else is
WAIT_SECONDS = 900.0  # a file waits so long for somebody to say how it reads


def limit(limits: Limits) -> None:
    """Has the server take no larger file than a text may be: as it comes in, it is there several
    times, and of several visitors at once."""
    config.set_option(LARGEST, min(limits.max_text_mb, config.get_option(LARGEST)))


@cache
def most_bytes() -> int:
    """How much all sessions may leave here, or have read at once. One session may leave half of it,
    which is at least the largest file."""
    share = int(SHARE * 1e6 * Limits.from_environment().memory_mb)
    return max(2 * config.get_option(LARGEST) << 20, min(MOST_BYTES, share))


def release(file: UploadedFile) -> None:
    """Lets go of a file that has been read."""
    context = get_script_run_ctx()
    if context is not None:
        context.uploaded_file_mgr.remove_file(session_id=context.session_id, file_id=file.file_id)


def session() -> str:
    """Whose script runs."""
    context = get_script_run_ctx()
    return context.session_id if context else ""


_reading: list[int] = []  # bytes of the files that are read just now
_counting = threading.Lock()


@contextmanager
def reading(size: int) -> Iterator[None]:
    """While a file of so many bytes is read, for which it waits in line and is held in memory.

    Raises InputError when too much is read already.
    """
    with _counting:
        # Each is there in several copies.
        if size > SMALL and _reading and sum(_reading) + size > most_bytes() / 2:
            raise InputError(
                "other files are being read at the moment, and this one of "
                f"{size / 1e6:,.0f} MB has no room beside them: bring it again in a minute"
            )
        _reading.append(size)
    try:
        yield
    finally:
        with _counting:
            _reading.remove(size)


@dataclass(frozen=True)
class File:
    """A file's name and bytes."""

    name: str
    data: bytes


class Waiting:
    """Files that wait for somebody, by session and id; the oldest of who has most go first."""

    def __init__(self) -> None:
        self._files: OrderedDict[tuple[str, str], tuple[File, float]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, session: str, file_id: str, file: File) -> None:
        with self._lock:
            self._files[session, file_id] = file, time.monotonic()
            self._make_room()

    def find(self, session: str, file_id: str) -> File | None:
        """A file that waits; None where it had to go."""
        with self._lock:
            self._make_room()
            found = self._files.get((session, file_id))
        return found and found[0]

    def drop(self, session: str, file_id: str) -> None:
        with self._lock:
            self._files.pop((session, file_id), None)

    def keep_only(self, is_there: Callable[[str], bool]) -> None:
        """Lets go of the files of sessions that are no more."""
        with self._lock:
            for session, file_id in [*self._files]:
                if not is_there(session):
                    del self._files[session, file_id]
            self._make_room()

    def _make_room(self) -> None:
        now = time.monotonic()
        for key in [key for key, (_, since) in self._files.items() if now - since > WAIT_SECONDS]:
            del self._files[key]
        sizes = {key: len(file.data) for key, (file, _) in self._files.items()}
        for key in too_many(sizes):
            del self._files[key]


def too_many(sizes: dict[tuple[str, str], int]) -> list[tuple[str, str]]:
    """Which files go, of their sizes by session and id, in the order in which they came: the oldest
    of the session with most, while it has more than half of what all may have, or all have more."""
    left, going, most = dict(sizes), [], most_bytes()
    while left:
        held: dict[str, int] = {}
        for (session, _), size in left.items():
            held[session] = held.get(session, 0) + size
        largest = max(held, key=held.get)
        if held[largest] <= most / 2 and sum(held.values()) <= most:
            break
        oldest = next(key for key in left if key[0] == largest)
        going.append(oldest)
        del left[oldest]
    return going


waiting = Waiting()
_watching = threading.Lock()


def watch() -> None:
    """Has uploads looked after for as long as this server lives."""
    if runtime.exists() and _watching.acquire(blocking=False):
        manager = get_script_run_ctx().uploaded_file_mgr
        bound_each(manager)
        is_active = runtime.get_instance().is_active_session
        threading.Thread(target=_watch, args=[manager, is_active], daemon=True).start()


def _watch(manager: Any, is_active: Callable[[str], bool]) -> None:
    left_at: dict[str, float] = {}
    while runtime.exists():
        look(manager, is_active, left_at)
        time.sleep(LOOK_SECONDS)
    _watching.release()


def look(manager: Any, is_active: Callable[[str], bool], left_at: dict[str, float]) -> None:
    """Removes the uploads of sessions whose browser left a while ago, and what is too much.

    `left_at`: when each session was first seen to be left, kept between two looks.
    """
    now = time.monotonic()
    sessions = [*manager.file_storage, *(session for session, _ in [*waiting._files])]
    for session in sessions:
        if is_active(session):
            left_at.pop(session, None)
        else:
            left_at.setdefault(session, now)
    gone = {session for session, at in left_at.items() if now - at > LEFT_SECONDS}
    for session in gone:
        manager.remove_session_files(session)
        del left_at[session]
    waiting.keep_only(lambda session: session not in gone)
    bound(manager)


def bound_each(manager: Any) -> None:
    """Has every upload followed by a look at what is too much: many can come between two looks."""
    add = manager.add_file

    def add_and_bound(session_id: str, file: UploadedFileRec) -> None:
        add(session_id, file)
        bound(manager)

    manager.add_file = add_and_bound


def bound(manager: Any) -> None:
    """Removes the uploads that are too much."""
    sizes = {
        (session, file_id): len(file.data)
        for session, files in [*manager.file_storage.items()]
        for file_id, file in [*files.items()]
    }
    for session, file_id in too_many(sizes):
        manager.remove_file(session, file_id)
