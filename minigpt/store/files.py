"""The files of the store: what can be wrong with them, in words, and who notices."""

import errno
import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from minigpt.config import InputError

RESERVE_BYTES = 8_000_000

FULL = "the disk is full: delete texts or runs, or free some space"
REFUSES = "the disk refused to read or write: check it"
MAY_NOT = "the file may not be written: check its permissions"
CANNOT_OPEN = "the file cannot be opened: check its folder"
GONE = (
    "{} was deleted or moved while it was in use: put it back and all goes on. Until then nothing "
    "can be saved; what is being trained waits in memory"
)
ANOTHER = (
    "another file has taken the place of {} while it was in use: put the first one back and all "
    "goes on, or start the app again to use this one. Until then nothing can be saved; what is "
    "being trained waits in memory"
)
BY_SQLITE = {
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_IOERR: REFUSES,
    sqlite3.SQLITE_READONLY: MAY_NOT,
    sqlite3.SQLITE_CANTOPEN: CANNOT_OPEN,
    sqlite3.SQLITE_BUSY: "another program holds the file: wait a moment",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: put back a copy, or move it away",
    sqlite3.SQLITE_NOTADB: "the file is not a store: move it away",
}
BY_SYSTEM = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EIO: REFUSES,
    errno.EROFS: MAY_NOT,
    errno.EACCES: MAY_NOT,
    errno.EPERM: MAY_NOT,
    errno.ENOENT: CANNOT_OPEN,
    errno.ENOTDIR: CANNOT_OPEN,
}


class StoreError(InputError):
    """The store's file cannot be read or written now; what was committed before is safe."""


class StoreBusy(StoreError):
    """Somebody else holds the file: it may be free the next moment."""


class StoreFull(StoreError):
    """There is no disk left: deleting still works, by what is kept for that."""


KINDS = {sqlite3.SQLITE_BUSY: StoreBusy, sqlite3.SQLITE_FULL: StoreFull}


def refused(path: Path, error: OSError) -> StoreError:
    """What the system said of a file beside the store's, as a sentence."""
    return StoreError(words_of(path, BY_SYSTEM.get(error.errno, error.strerror or str(error))))


def words_of(path: Path, what: str) -> str:
    return f"{path.name} – {what}; what was saved before is safe"


def is_of_disk(error: BaseException) -> bool:
    """Whether it is the disk that failed, full or broken, and not who wrote."""
    return isinstance(error, OSError) and BY_SYSTEM.get(error.errno) in (FULL, REFUSES)


class FileWatch:
    """Notices when an open file is no longer the one that stands in its place.

    What is written into a file that was deleted is gone with the last process that has it open;
    SQLite does not notice, and the file of its write-ahead log belongs to it.
    """

    def __init__(self, path: Path) -> None:
        self._were = {each: self._look(each) for each in (path, Path(f"{path}-wal"))}

    def check(self, *, writing: bool = False) -> None:
        """Raises StoreError when a file is gone, another one, or, for `writing`, read-only."""
        for path, was in self._were.items():
            now = self._look(path)
            if now is None:
                raise StoreError(GONE.format(path.name))
            if (now.st_dev, now.st_ino) != (was.st_dev, was.st_ino):
                raise StoreError(ANOTHER.format(path.name))
            if writing and not now.st_mode & 0o222:
                raise StoreError(words_of(path, MAY_NOT))

    @staticmethod
    def _look(path: Path) -> os.stat_result | None:
        try:
            return os.stat(path)
        except OSError:
            return None


class Reserve:
    """Some disk that is kept, so that deleting, which has to write too, works when none is left."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name("store.reserve")

    def keep(self, used: int) -> None:
        """Takes as much as would be written to delete all that a store holds, up to RESERVE_BYTES,
        where the disk has it."""
        size = min(used, RESERVE_BYTES)
        if not self._path.exists() or self._path.stat().st_size < size:
            try:
                self._path.write_bytes(bytes(size))
            except OSError:  # there is none to keep: another time
                self.give()

    def give(self) -> bool:
        """Gives it back; False where there is none."""
        with suppress(FileNotFoundError):
            self._path.unlink()
            return True
        return False
