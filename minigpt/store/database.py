"""The SQLite file behind the store: opening, migrating, transactions, and its errors in words."""

import errno
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from minigpt.config import InputError, whole_characters
from minigpt.store.schema import MIGRATIONS

OPENING_SECONDS = 30.0  # how long to wait, at first, for another program to let go of the file
PATIENCE = 5.0  # and later; also for another thread of ours
READERS = 4  # that read at the same time

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


def refused(path: Path, error: OSError) -> StoreError:
    """What the system said of a file beside the store's, as a sentence."""
    return StoreError(_words(path, BY_SYSTEM.get(error.errno, error.strerror or str(error))))


def _words(path: Path, what: str) -> str:
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
                raise StoreError(_words(path, MAY_NOT))

    @staticmethod
    def _look(path: Path) -> os.stat_result | None:
        try:
            return os.stat(path)
        except OSError:
            return None


class Database:
    """One open file, shared by threads; errors of SQLite come out as `StoreError`.

    One connection writes, for one thread at a time. Reads have a few of their own, so that none
    waits for a write; a thread borrows one for a query, so that it may end without closing any.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = threading.RLock()  # to write
        self._writes: int | None = None  # the thread whose turn it is
        self._seats = threading.BoundedSemaphore(READERS)
        self._readers: list[sqlite3.Connection] = []  # that nobody reads with now
        self._closed = False
        with self._told():
            self._writer = self._connect(OPENING_SECONDS)
            self._write_ahead()
            self._writer.execute("PRAGMA synchronous = NORMAL")
            self._writer.execute("PRAGMA foreign_keys = ON")
            self._writer.execute("SELECT count(*) FROM sqlite_schema")  # opens the log too
            self._files = FileWatch(path)
            self._migrate()

    def close(self) -> None:
        self._closed = True
        while self._readers:
            self._readers.pop().close()
        self._writer.close()

    @contextmanager
    def transaction(self, patience: float = PATIENCE) -> Iterator[sqlite3.Connection]:
        """All that happens inside is kept, or, when it raises, nothing.

        Raises StoreBusy when others hold the file for longer than `patience`, in seconds.
        """
        if not self._turn.acquire(timeout=patience):
            raise StoreBusy(_words(self._path, BY_SQLITE[sqlite3.SQLITE_BUSY]))
        try:
            with self._told():
                self._files.check(writing=True)
                self._writer.execute(f"PRAGMA busy_timeout = {round(1000 * patience)}")
                self._writer.execute("BEGIN IMMEDIATE")
                self._writes = threading.get_ident()
                try:
                    yield self._writer
                    self._writer.execute("COMMIT")
                except BaseException:
                    if self._writer.in_transaction:  # on some errors SQLite has rolled back already
                        self._writer.execute("ROLLBACK")
                    raise
                finally:
                    self._writes = None
        finally:
            self._turn.release()

    def rows(self, query: str, *values: object) -> list[tuple]:
        """What a query finds; inside of a transaction, as it stands there."""
        with self._told(), self._reader() as db:
            return db.execute(query, values).fetchall()

    def used_bytes(self) -> int:
        """What the file holds, without the pages that deleted rows have left free."""
        ((pages,),) = self.rows("PRAGMA page_count")
        ((free,),) = self.rows("PRAGMA freelist_count")
        ((size,),) = self.rows("PRAGMA page_size")
        return (pages - free) * size

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        if self._writes == threading.get_ident():
            yield self._writer
            return
        self._files.check()
        with self._seats:
            try:
                db = self._readers.pop()
            except IndexError:
                db = self._connect(PATIENCE)
                db.execute("PRAGMA query_only = ON")
            try:
                yield db
            finally:
                self._readers.append(db)
                if self._closed:
                    self.close()

    def _connect(self, patience: float) -> sqlite3.Connection:
        return sqlite3.connect(
            self._path, timeout=patience, isolation_level=None, check_same_thread=False
        )

    def _write_ahead(self) -> None:
        """Sets WAL mode, so that pages read while the worker writes.

        Only a new file changes its mode; SQLite then refuses at once, without its timeout, who
        opens it at the same moment (a page beside the worker, the ranks of a job).
        """
        give_up_at = time.monotonic() + OPENING_SECONDS
        while True:
            try:
                self._writer.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > give_up_at:
                    raise
                time.sleep(0.01)

    def _migrate(self) -> None:
        with self.transaction(OPENING_SECONDS) as db:
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
            busy = what == BY_SQLITE[sqlite3.SQLITE_BUSY]
            raise (StoreBusy if busy else StoreError)(_words(self._path, what)) from error
        except OverflowError as error:
            raise InputError("a number is larger than the store can keep: 2⁶³ or more") from error
