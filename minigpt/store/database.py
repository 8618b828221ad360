"""The SQLite file behind the store: opening, migrating, reading, transactions."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from minigpt.config import InputError, whole_characters
from minigpt.store.files import (
    BY_SQLITE,
    KINDS,
    FileWatch,
    Reserve,
    StoreBusy,
    StoreError,
    StoreFull,
    words_of,
)
from minigpt.store.schema import MIGRATIONS

OPENING_SECONDS = 30.0  # how long to wait, at first, for another program to let go of the file
PATIENCE = 5.0  # and later; also for another thread of ours
SCRUB_PATIENCE = 0.5  # for those who read on in a log that is to be emptied
READERS = 4  # that read at the same time


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
        self.reserve = Reserve(path)
        with self._told():
            self._writer = self._connect(OPENING_SECONDS)
            self._write_ahead()
            self._writer.execute("PRAGMA synchronous = NORMAL")
            self._writer.execute("PRAGMA foreign_keys = ON")
            self._writer.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
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
        with self._waiting(patience), self._told():
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

    def delete(self, act: Callable[[sqlite3.Connection], None]) -> None:
        """A transaction that deletes: it comes through where the disk is full."""
        try:
            with self.transaction() as db:
                act(db)
        except StoreFull:
            if not self.reserve.give():
                raise
            with self.transaction() as db:
                act(db)

    def scrub(self) -> bool:
        """Empties the log, in which what was deleted still stands; False where that has to wait,
        because somebody reads on in it, or the disk is full."""
        try:
            with self._waiting(SCRUB_PATIENCE), self._told():
                self._files.check(writing=True)
                self._writer.execute(f"PRAGMA busy_timeout = {round(1000 * SCRUB_PATIENCE)}")
                ((busy, *_),) = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except (StoreBusy, StoreFull):
            return False
        return not busy

    @contextmanager
    def _waiting(self, patience: float) -> Iterator[None]:
        """This thread's turn to write."""
        if not self._turn.acquire(timeout=patience):
            raise StoreBusy(words_of(self._path, BY_SQLITE[sqlite3.SQLITE_BUSY]))
        try:
            yield
        finally:
            self._turn.release()

    def rows(self, query: str, *values: object) -> list[tuple]:
        """What a query finds; inside of a transaction, as it stands there."""
        with self._told(), self._reader() as db:
            return db.execute(query, values).fetchall()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees the file as it is now, until the block ends."""
        with self._told(), self._reader() as db:
            if db.in_transaction:
                yield db
                return
            db.execute("BEGIN")
            try:
                yield db
            finally:
                db.execute("ROLLBACK")

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
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            if code not in BY_SQLITE:
                raise
            told = words_of(self._path, BY_SQLITE[code])
            raise KINDS.get(code, StoreError)(told) from error
        except OverflowError as error:
            raise InputError("a number is larger than the store can keep: 2⁶³ or more") from error
