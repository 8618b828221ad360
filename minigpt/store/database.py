"""The SQLite file behind the store: opening, migrating, transactions, and its errors in words."""

import errno
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from minigpt.config import InputError, whole_characters
from minigpt.store.schema import MIGRATIONS

WAIT_SECONDS = 30.0  # for another program to let go of the file


FULL = "the disk is full: delete texts or runs, or free some space"
REFUSES = "the disk refused to read or write: check it"
MAY_NOT = "the file may not be written: check its permissions"
CANNOT_OPEN = "the file cannot be opened: check its folder"
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


def refused(path: Path, error: OSError) -> StoreError:
    """What the system said of a file beside the store's, as a sentence."""
    return _told(path, BY_SYSTEM.get(error.errno, error.strerror or str(error)))


def _told(path: Path, what: str) -> StoreError:
    return StoreError(f"{path.name} – {what}; what was saved before is safe")


def is_of_disk(error: BaseException) -> bool:
    """Whether it is the disk that failed, full or broken, and not who wrote."""
    return isinstance(error, OSError) and BY_SYSTEM.get(error.errno) in (FULL, REFUSES)


class Database:
    """One open file, shared by threads; errors of SQLite come out as `StoreError`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        with self._told():
            self._db = sqlite3.connect(
                path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._write_ahead()
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA foreign_keys = ON")
            self._migrate()

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that happens inside is kept, or, when it raises, nothing."""
        with self._lock, self._told():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # on some errors SQLite has rolled back by itself
                    self._db.execute("ROLLBACK")
                raise

    def rows(self, query: str, *values: object) -> list[tuple]:
        with self._lock, self._told():
            return self._db.execute(query, values).fetchall()

    def used_bytes(self) -> int:
        """What the file holds, without the pages that deleted rows have left free."""
        ((pages,),) = self.rows("PRAGMA page_count")
        ((free,),) = self.rows("PRAGMA freelist_count")
        ((size,),) = self.rows("PRAGMA page_size")
        return (pages - free) * size

    def _write_ahead(self) -> None:
        """Sets WAL mode, so that pages read while the worker writes.

        Only a new file changes its mode; SQLite then refuses at once, without its timeout, who
        opens it at the same moment (a page beside the worker, the ranks of a job).
        """
        give_up_at = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > give_up_at:
                    raise
                time.sleep(0.01)

    def _migrate(self) -> None:
        with self.transaction() as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version > len(MIGRATIONS):
                raise InputError(
                    f"{self._path.parent} was written by a newer minigpt (version {version}, this "
                    f"one reads {len(MIGRATIONS)}): update it or set MINIGPT_HOME to another folder"
                )
            for script in MIGRATIONS[version:]:
                for statement in script.split(";"):  # executescript would commit at once
                    db.execute(statement)
            db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns an error of the file, or what no file can hold, into a sentence for the person."""
        try:
            with whole_characters():
                yield
        except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
            if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
                raise  # ours to mend, not the person's
            what = BY_SQLITE.get(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF)
            if what is None:
                raise
            raise _told(self._path, what) from error
        except OverflowError as error:
            raise InputError("a number is larger than the store can keep: 2⁶³ or more") from error
