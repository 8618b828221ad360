"""Every text and every run, in one SQLite file that pages and worker share.

Pages write wishes; the worker alone writes results, each batch of them in one transaction, so
there is no half-written state to repair. Weights are kept as safetensors bytes, which this module
stores without looking inside. Nothing here imports torch.
"""

import hashlib
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path

import numpy as np

from minigpt.config import GPTConfig, InputError, TrainConfig
from minigpt.store.records import Curves, Results, Run, State, Text, Wish
from minigpt.store.schema import MIGRATIONS


def home() -> Path:
    """The folder that holds the store: `MINIGPT_HOME`, or .minigpt in the current folder."""
    return Path(os.environ.get("MINIGPT_HOME", ".minigpt"))


class Store:
    """One open store. Threads share it; every method is one transaction."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._clock = folder, clock
        self._lock = threading.RLock()
        self._db = sqlite3.connect(
            folder / "store.sqlite", timeout=30, isolation_level=None, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._migrate()

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All that happens inside is kept, or, when it raises, nothing."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _rows(self, query: str, *values: object) -> list[tuple]:
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def _migrate(self) -> None:
        with self._transaction() as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version > len(MIGRATIONS):
                raise InputError(
                    f"{self.folder} was written by a newer minigpt (version {version}, this one "
                    f"reads {len(MIGRATIONS)}): update it or set MINIGPT_HOME to another folder"
                )
            for script in MIGRATIONS[version:]:
                for statement in script.split(";"):  # executescript would commit at once
                    db.execute(statement)
            db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    # Texts

    def add_text(self, workspace: str, name: str, body: str) -> str:
        """Puts a text on a workspace's shelf; returns its id, the same for the same text."""
        text_id = hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()
        with self._transaction() as db:
            db.execute("INSERT OR IGNORE INTO texts VALUES (?, ?, ?)", (text_id, body, len(body)))
            db.execute(
                "INSERT INTO shelves VALUES (?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET name = excluded.name",
                (workspace, text_id, name, self._clock()),
            )
        return text_id

    def texts(self, workspace: str) -> list[Text]:
        """The texts of a workspace, newest first."""
        rows = self._rows(
            "SELECT texts.id, name, characters FROM shelves JOIN texts ON texts.id = text_id "
            "WHERE workspace = ? ORDER BY created_at DESC, texts.rowid DESC",
            workspace,
        )
        return [Text(*row) for row in rows]

    def text(self, text_id: str) -> str:
        """The body of a text. Raises InputError when there is none by that id."""
        rows = self._rows("SELECT body FROM texts WHERE id = ?", text_id)
        if not rows:
            raise InputError("this text is no longer here: upload or paste it again")
        return rows[0][0]

    def has_text(self, text_id: object) -> bool:
        return bool(self._rows("SELECT 1 FROM texts WHERE id = ?", str(text_id)))

    # Runs

    def create_run(
        self,
        workspace: str,
        name: str,
        text_id: str | None,
        tokenizer: str,
        model: GPTConfig,
        train: TrainConfig,
        *,
        run_id: str | None = None,
        results: Results | None = None,
    ) -> str:
        """A new run; returns its id.

        The worker starts it as soon as it sees it, unless it comes with results: then it has ended.
        """
        run_id = run_id or secrets.token_hex(16)
        state, wish = ("queued", "running") if results is None else ("stopped", "stopped")
        with self._transaction() as db:
            db.execute(
                "INSERT INTO runs (id, workspace, name, text_id, tokenizer, model, train, state, "
                "wish, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    run_id, workspace, name, text_id, tokenizer, model.to_json(), train.to_json(),
                    state, wish, self._clock(),
                ),
            )  # fmt: skip
            if results is not None:
                self._record(db, run_id, results)
        return run_id

    def run(self, run_id: str) -> Run:
        """Raises InputError when there is no such run."""
        found = self._runs("WHERE id = ?", run_id)
        if not found:
            raise InputError(f"there is no run {run_id!r}: it may have been deleted")
        return found[0]

    def runs(self, *workspaces: str) -> list[Run]:
        """The runs of these workspaces, or of all when none is named, newest first."""
        marks = ", ".join("?" * len(workspaces))
        where = f"WHERE workspace IN ({marks}) AND wish != 'deleted'" if workspaces else ""
        return self._runs(f"{where} ORDER BY created_at DESC, rowid DESC", *workspaces)

    def find_run(self, prefix: str) -> Run:
        """The one run whose id begins with `prefix`. Raises InputError unless it is just one."""
        found = [run for run in self.runs() if prefix and run.id.startswith(prefix)]
        if len(found) != 1:
            what = f"{len(found)} runs begin" if found else "no run begins"
            raise InputError(f"{what} with {prefix!r}: `python -m minigpt runs` lists them")
        return found[0]

    def _runs(self, clauses: str, *values: object) -> list[Run]:
        rows = self._rows(
            "SELECT id, workspace, name, text_id, tokenizer, model, train, state, wish, step, "
            f"reason, created_at FROM runs {clauses}",
            *values,
        )
        return [
            Run(*row[:5], GPTConfig.from_json(row[5]), TrainConfig.from_json(row[6]), *row[7:])
            for row in rows
        ]

    def wish(self, run_id: str, wish: Wish) -> None:
        """What should become of a run; the worker obeys within a second.

        Raises InputError when the run does not exist or has ended and is asked to go on.
        """
        run = self.run(run_id)
        if wish != "deleted" and not run.active:
            raise InputError(f"this run is {run.state}: it cannot be changed any more")
        with self._transaction() as db:
            db.execute("UPDATE runs SET wish = ? WHERE id = ?", (wish, run_id))

    def wishes(self) -> list[tuple[str, State, Wish]]:
        """Id, state and wish of every run the worker has something to do for, oldest first."""
        return self._rows(
            "SELECT id, state, wish FROM runs WHERE state IN ('queued', 'running', 'paused') "
            "OR wish = 'deleted' ORDER BY created_at, rowid"
        )

    def delete_run(self, run_id: str) -> None:
        with self._transaction() as db:
            db.execute("DELETE FROM runs WHERE id = ?", (run_id,))

    # Results

    def record(self, run_id: str, results: Results) -> None:
        """Keeps the worker's results in one transaction."""
        with self._transaction() as db:
            self._record(db, run_id, results)

    @staticmethod
    def _record(db: sqlite3.Connection, run_id: str, results: Results) -> None:
        db.executemany(
            "INSERT OR REPLACE INTO metrics VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(run_id, *astuple(row)) for row in results.metrics],
        )
        db.executemany(
            "INSERT OR REPLACE INTO samples VALUES (?, ?, ?)",
            [(run_id, *sample) for sample in results.samples],
        )
        db.executemany(
            "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)",
            [(run_id, *snapshot) for snapshot in results.snapshots],
        )
        if results.checkpoint:
            db.execute(
                "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?)", (run_id, *results.checkpoint)
            )
        if results.metrics:
            db.execute("UPDATE runs SET step = ? WHERE id = ?", (results.metrics[-1].step, run_id))
        if results.state:
            db.execute(
                "UPDATE runs SET state = ?, reason = ? WHERE id = ?",
                (results.state, results.reason, run_id),
            )

    def rewind(self, run_id: str, step: int) -> None:
        """Forgets what came after `step`, before a run goes on from a checkpoint of that step."""
        with self._transaction() as db:
            for table in ("metrics", "samples", "snapshots"):
                db.execute(f"DELETE FROM {table} WHERE run_id = ? AND step > ?", (run_id, step))
            db.execute("UPDATE runs SET step = ? WHERE id = ?", (step, run_id))

    def curves(self, run_id: str, most: int | None = None) -> Curves:
        """The metrics of a run, in the order of the steps.

        With `most`, a long run comes thinned to about so many steps, evenly spaced, and besides
        them every validated step and the newest 50.
        """
        step = self.run(run_id).step
        stride = max(1, step // most) if most else 1
        rows = self._rows(
            "SELECT step, tokens, train_loss, val_loss, lr, grad_norm, seconds FROM metrics "
            "WHERE run_id = ? AND (step % ? = 0 OR step > ? OR val_loss IS NOT NULL) ORDER BY step",
            run_id,
            stride,
            step - 50,
        )
        return Curves(*np.array(rows, dtype=float).reshape(-1, 7).T)

    def samples(self, run_id: str) -> list[tuple[int, str]]:
        """Step and text of each sample written while training, oldest first."""
        return self._rows("SELECT step, body FROM samples WHERE run_id = ? ORDER BY step", run_id)

    def snapshot_steps(self, run_id: str) -> list[int]:
        """The steps whose weights are kept, oldest first."""
        rows = self._rows("SELECT step FROM snapshots WHERE run_id = ? ORDER BY step", run_id)
        return [step for (step,) in rows]

    def snapshot(self, run_id: str, step: int) -> bytes:
        """The weights at `step`, as safetensors bytes. Raises InputError when they are not kept."""
        rows = self._rows(
            "SELECT weights FROM snapshots WHERE run_id = ? AND step = ?", run_id, step
        )
        if not rows:
            raise InputError(f"the weights of step {step:,} are not kept: choose another step")
        return rows[0][0]

    def weights_step(self, run_id: str) -> int | None:
        """The newest step whose weights are kept, as checkpoint or snapshot; None before any."""
        ((step,),) = self._rows(
            "SELECT max(step) FROM (SELECT step FROM checkpoints WHERE run_id = ? "
            "UNION SELECT step FROM snapshots WHERE run_id = ?)",
            run_id,
            run_id,
        )
        return step

    def checkpoint(self, run_id: str) -> tuple[int, bytes] | None:
        """Step and safetensors bytes of the newest trainer state; None before the first."""
        rows = self._rows("SELECT step, state FROM checkpoints WHERE run_id = ?", run_id)
        return rows[0] if rows else None
