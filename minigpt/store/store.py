"""Every text and every run, in one SQLite file that pages and worker share.

Pages write wishes; the worker alone writes results, each batch of them in one transaction, so
there is no half-written state to repair. Weights are kept as safetensors bytes. Nothing here
imports torch.
"""

import hashlib
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import fields
from difflib import get_close_matches
from operator import attrgetter
from pathlib import Path

import numpy as np

from minigpt.config import RESTART_SHARE, GPTConfig, InputError, TrainConfig, whole_characters
from minigpt.counting import counted
from minigpt.metrics import Metrics, Results, SingleStep
from minigpt.store.database import Database
from minigpt.store.files import StoreBusy
from minigpt.store.parts import is_large, parts
from minigpt.store.passages import passage
from minigpt.store.places import Place, in_order
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
from minigpt.store.room import Holding
from minigpt.store.states import (
    ACTIVE,
    EXTENDABLE,
    NO_WEIGHTS,
    TRANSITIONS,
    WISHABLE,
    State,
    Wish,
)
from minigpt.store.tensors import tensors

VIEW_SECONDS = 30.0  # a look at a run is written down at most so often
LOOK_PATIENCE = 0.05  # seconds that a page waits for that
PACE_SECONDS = 60.0  # of training, over which its pace is measured
METRICS_BYTES = 94  # of the file for each step's metrics
ARRIVAL_SECONDS = 3_600.0  # after which a run that came only in part, for its page died, goes
ARRIVING = "arriving", "deleted"  # state and wish of a run that comes part by part: nobody sees it
COLUMNS = attrgetter(*(spec.name for spec in fields(Metrics)))
TRAINED = "SELECT step, rowid FROM checkpoints WHERE run_id = ?"
SNAPSHOTS = "SELECT step, rowid FROM snapshots WHERE run_id = ?"
GONE = "this text is no longer here: upload or paste it again"


def home() -> Path:
    """The folder that holds the store: `MINIGPT_HOME`, or .minigpt in the current folder."""
    return Path(os.environ.get("MINIGPT_HOME") or ".minigpt")


def text_id_of(body: str) -> str:
    """SHA-256 of the text's UTF-8 bytes: the same text is kept once. Raises InputError on half a
    character."""
    with whole_characters():
        return hashlib.sha256(body.encode()).hexdigest()


def _named(words: str) -> str:
    """A name as it is kept. Raises InputError when nothing of it can be shown."""
    if not (name := as_name(words)):
        raise InputError(
            f"the name has no character that can be shown: it has to have between 1 and {MAX_NAME}"
        )
    return name


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))


def _no_run(run_id: str) -> InputError:
    shown = run_id if len(run_id) <= MAX_NAME else f"{run_id[:MAX_NAME]}…"
    return InputError(f"there is no run {shown!r}: it may have been deleted")


class Store:
    """One open store. Threads share it; every method is one transaction.

    Every method raises StoreError, an InputError, when the file cannot be read or written.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{folder} cannot be made ({error.strerror}): set MINIGPT_HOME to another folder"
            ) from error
        self.folder, self.clock = folder, clock
        self._db = Database(folder / "store.sqlite")

    def close(self) -> None:
        self._db.close()

    # Texts

    def add_text(self, workspace: str, name: str, body: str, origin: str = "") -> str:
        """Puts a text on a workspace's shelf; returns its id, the same for the same text.

        `origin` is the JSON of the world that wrote it, if one did.
        """
        text_id = text_id_of(body)
        with self._db.transaction() as db:
            db.execute(
                "INSERT INTO texts (id, body, characters, bytes, origin) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET origin = excluded.origin WHERE excluded.origin != ''",
                (text_id, body, len(body), len(body.encode()), origin),
            )
            db.execute(
                "INSERT INTO shelves VALUES (?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET name = excluded.name",
                (workspace, text_id, _named(name), self.clock()),
            )
        return text_id

    def texts(self, workspace: str) -> list[Text]:
        """The texts of a workspace, newest first."""
        rows = self._db.rows(
            "SELECT texts.id, name, characters, origin "
            "FROM shelves JOIN texts ON texts.id = text_id "
            "WHERE workspace = ? ORDER BY created_at DESC, texts.rowid DESC",
            workspace,
        )
        return [Text(*row) for row in rows]

    def text(self, text_id: str) -> str:
        """The body of a text. Raises InputError when there is none by that id."""
        rows = self._db.rows("SELECT body FROM texts WHERE id = ?", text_id)
        if not rows:
            raise InputError(GONE)
        return rows[0][0]

    def passage(self, text_id: str, start: int, end: int) -> str:
        """The characters of a text from `start` to `end`, without the whole of it in memory. Raises
        InputError when there is none by that id."""
        with self._db.reading() as db:
            found = db.execute(
                "SELECT rowid, characters FROM texts WHERE id = ?", (text_id,)
            ).fetchone()
            if found is None:
                raise InputError(GONE)
            with db.blobopen("texts", "body", found[0], readonly=True) as body:
                return passage(body, len(body), found[1], start, end)

    def tokens(self, run: Run) -> int:
        """About how many tokens a run's text has; 0 where it is gone."""
        rows = self._db.rows("SELECT characters FROM texts WHERE id = ?", run.text_id)
        return int(rows[0][0] / run.characters_per_token) if rows else 0

    def characters(self, text_id: str) -> int:
        """How long a text is. Raises InputError when there is none by that id."""
        rows = self._db.rows("SELECT characters FROM texts WHERE id = ?", text_id)
        if not rows:
            raise InputError(GONE)
        return rows[0][0]

    def drop_text(self, workspace: str, text_id: str) -> None:
        """Takes a text from a workspace's shelf, and deletes it where nobody else needs it: runs
        that train on it keep it until the last of them is deleted."""
        self.forget_texts([(workspace, text_id)], used=True)

    def forget(self, workspace: str) -> None:
        """Deletes all that belongs to a workspace: its texts at once, its runs as soon as the
        worker sees it. What others need of a text stays, for them alone."""

        def delete(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM shelves WHERE workspace = ?", (workspace,))
            db.execute(
                "UPDATE runs SET wish = 'deleted', pause_at = NULL "
                "WHERE workspace = ? AND substr(id, 1, ?) != ?",
                (workspace, len(DEMO_PREFIX), DEMO_PREFIX),
            )
            self._delete_unneeded_texts(db)

        self._db.delete(delete)
        self._db.scrub()

    @staticmethod
    def _delete_unneeded_texts(db: sqlite3.Connection) -> None:
        db.execute(
            "DELETE FROM texts WHERE id NOT IN (SELECT text_id FROM shelves) "
            "AND id NOT IN (SELECT text_id FROM runs WHERE text_id IS NOT NULL)"
        )

    def hand_over(self, workspace: str, to: str) -> None:
        """Makes all texts and runs of a workspace another's, which has none yet."""
        with self._db.transaction() as db:
            for table in ("shelves", "runs"):
                db.execute(f"UPDATE {table} SET workspace = ? WHERE workspace = ?", (to, workspace))

    def origin(self, text_id: str) -> str:
        """JSON of the world that wrote a text; empty where none did."""
        rows = self._db.rows("SELECT origin FROM texts WHERE id = ?", text_id)
        return rows[0][0] if rows else ""

    def may_read(self, workspace: str, text_id: str | None) -> bool:
        """Whether a text lies on the workspace's shelf or on the library's."""
        return bool(
            self._db.rows(
                "SELECT 1 FROM shelves WHERE text_id = ? AND workspace IN (?, ?)",
                text_id,
                workspace,
                LIBRARY_SHELF,
            )
        )

    def secret(self) -> bytes:
        """256 random bits that never leave this store."""
        ((value,),) = self._db.rows("SELECT value FROM secrets WHERE name = 'marks'")
        return value

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
        characters_per_token: float = 1.0,
        run_id: str | None = None,
        results: Results | None = None,
    ) -> str:
        """A new run; returns its id. Raises InputError when the workspace may not read its text: a
        run shows what can be counted in it, and keeps it from being cleared.

        The worker starts it as soon as it sees it, unless it comes with results: then it has ended.
        """
        run_id, now = run_id or secrets.token_hex(16), self.clock()
        large = results is not None and is_large(results)
        if results is None:
            state, wish = "queued", "running"
        elif large:
            state, wish = ARRIVING
        else:
            state, wish = results.state, "stopped"
        with self._db.transaction() as db:
            if text_id is not None and not self.may_read(workspace, text_id):
                raise InputError(GONE)
            db.execute(
                "INSERT INTO runs (id, workspace, name, text_id, tokenizer, model, train, state, "
                "wish, created_at, queued_at, viewed_at, imported, characters_per_token) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    run_id, workspace, _named(name), text_id, tokenizer, model.to_json(),
                    train.to_json(), state, wish, now, now, now, results is not None,
                    characters_per_token,
                ),
            )  # fmt: skip
            if results is not None and not large:
                self._record(db, run_id, results)
        if large:
            self._bring(run_id, results)
        return run_id

    def _bring(self, run_id: str, results: Results) -> None:
        """Writes a large run part by part; nobody sees it before it is whole."""
        try:
            for part in parts(results):
                with self._db.transaction() as db:
                    if part.state:
                        db.execute(
                            "UPDATE runs SET state = ?, wish = 'stopped' WHERE id = ?",
                            (part.state, run_id),
                        )
                    self._record(db, run_id, part)
        except BaseException:
            self.delete_run(run_id)
            raise

    def has_run(self, run_id: str) -> bool:
        return bool(self._db.rows("SELECT 1 FROM runs WHERE id = ? AND wish != 'deleted'", run_id))

    def run(self, run_id: str) -> Run:
        """Raises InputError when there is no such run."""
        found = self._runs("WHERE id = ? AND wish != 'deleted'", run_id)
        if not found:
            raise _no_run(run_id)
        return found[0]

    def runs(self, *workspaces: str) -> list[Run]:
        """The runs of these workspaces, or of all when none is named, newest first."""
        where = f"AND workspace IN ({_marks(workspaces)})" if workspaces else ""
        return self._runs(
            f"WHERE wish != 'deleted' {where} ORDER BY created_at DESC, rowid DESC", *workspaces
        )

    def find_run(self, words: str) -> Run:
        """The one run whose id begins with `words`, or whose name they are. Raises InputError
        unless it is just one."""
        runs, listed = self.runs(), "`python -m minigpt runs` lists them"
        found = [run for run in runs if words and (run.id.startswith(words) or run.name == words)]
        if len(found) == 1:
            return found[0]
        shown = words if len(words) <= MAX_NAME else f"{words[:MAX_NAME]}…"
        if found:
            raise InputError(
                f"{len(found)} runs begin with {shown!r} or are called so: take more of the id; "
                f"{listed}"
            )
        names = {name.casefold(): name for run in runs for name in (run.id, run.name)}
        near = get_close_matches(shown.casefold(), names, n=1)
        meant = f"did you mean {names[near[0]]!r}? " if near else ""
        raise InputError(f"no run begins with {shown!r} or is called so: {meant}{listed}")

    def _runs(self, clauses: str, *values: object) -> list[Run]:
        rows = self._db.rows(
            "SELECT id, workspace, name, text_id, tokenizer, model, train, state, wish, step, "
            f"reason, created_at, queued_at, viewed_at, pause_at, imported, "
            f"characters_per_token FROM runs {clauses}",
            *values,
        )
        return [
            Run(*row[:5], GPTConfig.from_json(row[5]), TrainConfig.from_json(row[6]), *row[7:])
            for row in rows
        ]

    # What pages ask for

    def wish(self, run_id: str, wish: Wish) -> None:
        """What should become of a run; the worker obeys within a second.

        A paused run that is to run again goes to the end of the line. Raises InputError when the
        run does not exist, has ended and is asked to go on, or came with the app and is to go.
        """

        def change(db: sqlite3.Connection) -> None:
            state, wished = self._standing(db, run_id)
            if wish == "deleted" and run_id.startswith(DEMO_PREFIX):
                raise InputError("this run came with the app, for everybody: it cannot be deleted")
            if state not in WISHABLE[wish]:
                raise InputError(f"this run is {state}: it cannot be {wish} any more")
            if wish != wished:
                db.execute("UPDATE runs SET wish = ?, pause_at = NULL WHERE id = ?", (wish, run_id))
            if wish == "running" and state == "paused":
                self._enqueue(db, run_id)

        if wish == "deleted":
            self._db.delete(change)
        else:
            with self._db.transaction() as db:
                change(db)

    def step(self, run_id: str) -> None:
        """Lets a paused run make one step and pause again; one that is not at rest goes on as it
        does. Raises InputError when it has ended."""
        with self._db.transaction() as db:
            state, wished = self._standing(db, run_id)
            if state not in ACTIVE:
                raise InputError(f"this run is {state}: it makes no more steps")
            if state == wished == "paused":
                db.execute(
                    "UPDATE runs SET wish = 'running', pause_at = step + 1 WHERE id = ?", (run_id,)
                )
                self._enqueue(db, run_id)

    def extend(self, run_id: str, steps: int, share: float = RESTART_SHARE) -> None:
        """Lets a finished or stopped run train for `steps` more.

        What it did so far stays as it is, and so does the rest of its plan where it was stopped
        before its end; beyond that its learning rate falls once more, from `share` of its peak.
        Raises InputError when the run is in another state or came without its text.
        """
        with self._db.transaction() as db:
            state, _ = self._standing(db, run_id)
            if state not in EXTENDABLE:
                raise InputError(
                    f"this run is {state}: only a finished or stopped run can train longer"
                )
            (run,) = self._runs("WHERE id = ?", run_id)
            if run.imported or run.text_id is None:
                raise InputError(
                    f"{run.incomplete}, so it cannot train on: start a new one with its settings"
                )
            train = run.train.longer(run.step, steps, share)
            db.execute(
                "UPDATE runs SET train = ?, wish = 'running', pause_at = NULL WHERE id = ?",
                (train.to_json(), run_id),
            )
            self._enqueue(db, run_id)

    def rename(self, run_id: str, name: str) -> None:
        """Raises InputError when the name is empty or too long, or there is no such run."""
        if len(name) > MAX_NAME:
            raise InputError(
                f"the name has {counted(len(name), 'character')}: it has to have between 1 and "
                f"{MAX_NAME}"
            )
        name = _named(name)
        with self._db.transaction() as db:
            self._standing(db, run_id)
            db.execute("UPDATE runs SET name = ? WHERE id = ?", (name, run_id))

    def look(self, run_id: str) -> None:
        """Notes that somebody looks at a run: runs nobody looks at make room for others.

        Where somebody else writes just then, it is not noted: the next look is."""
        now = self.clock()
        seen = self._db.rows("SELECT viewed_at FROM runs WHERE id = ?", run_id)
        if not seen or seen[0][0] >= now - VIEW_SECONDS:  # mostly there is nothing to write
            return
        with suppress(StoreBusy), self._db.transaction(LOOK_PATIENCE) as db:
            db.execute("UPDATE runs SET viewed_at = ? WHERE id = ?", (now, run_id))

    @staticmethod
    def _standing(db: sqlite3.Connection, run_id: str) -> tuple[State, Wish]:
        found = db.execute("SELECT state, wish FROM runs WHERE id = ?", (run_id,)).fetchone()
        if found is None or found[1] == "deleted":
            raise _no_run(run_id)
        return found

    def _enqueue(self, db: sqlite3.Connection, run_id: str) -> None:
        db.execute(
            "UPDATE runs SET state = 'queued', reason = '', queued_at = ?, viewed_at = ? "
            "WHERE id = ?",
            (self.clock(), self.clock(), run_id),
        )

    # What the worker looks at

    def unmet_wishes(self) -> list[tuple[str, Wish]]:
        """Id and wish of every active run that is to pause or stop, and of each to be deleted."""
        return self._db.rows(
            "SELECT id, wish FROM runs WHERE (wish IN ('paused', 'stopped') "
            "AND state IN ('queued', 'running', 'paused') AND wish != state) "
            "OR (wish = 'deleted' AND ((state, wish) != (?, ?) OR created_at < ?))",
            *ARRIVING,
            self.clock() - ARRIVAL_SECONDS,
        )

    def line(self, most: int | None = None) -> list[Run]:
        """The runs that wait for their turn, or the first `most` of them, the next one first."""
        ids = self.places()[:most]
        marks = ", ".join("?" * len(ids))
        runs = {run.id: run for run in self._runs(f"WHERE id IN ({marks})", *ids)}
        return [runs[run_id] for run_id in ids if run_id in runs]

    def places(self) -> list[str]:
        """Ids of the runs in line, the next one first."""
        line = self._db.rows(
            "SELECT id, workspace, pause_at IS NOT NULL FROM runs "
            "WHERE state = 'queued' AND wish = 'running' ORDER BY queued_at, rowid"
        )
        running = self._db.rows("SELECT id, workspace FROM runs WHERE state = 'running'")
        return in_order([Place(*row) for row in line], [Place(*row) for row in running])

    def waiting(self, workspace: str) -> tuple[int, int]:
        """How many runs of a workspace, and how many of all, wait for their turn."""
        ((own, everybody),) = self._db.rows(
            "SELECT coalesce(sum(workspace = ?), 0), count(*) FROM runs "
            "WHERE state = 'queued' AND wish = 'running'",
            workspace,
        )
        return own, everybody

    def running(self) -> list[Run]:
        """The runs that train now, in no particular order."""
        return self._runs("WHERE state = 'running'")

    def keep_speed(self, machine: str, seconds: str) -> None:
        """Keeps how fast a machine trains, the JSON of a `Speed`."""
        with self._db.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO speeds VALUES (?, ?, ?)", (machine, self.clock(), seconds)
            )

    def speed(self, machine: str | None = None) -> tuple[float, str] | None:
        """When a machine, or the latest of all, was measured, and its JSON."""
        rows = self._db.rows(
            "SELECT measured_at, seconds FROM speeds WHERE machine = ?1 OR ?1 IS NULL "
            "ORDER BY measured_at DESC LIMIT 1",
            machine,
        )
        return rows[0] if rows else None

    def requeue(self) -> None:
        """Puts what an earlier worker was training back in line, before all others."""
        with self._db.transaction() as db:
            db.execute("UPDATE runs SET state = 'queued' WHERE state = 'running'")

    def crashed(self, run_id: str, step: int) -> bool:
        """Notes that a worker died with a run at `step`; True when one did so before, at that
        very step."""
        with self._db.transaction() as db:
            found = db.execute("SELECT crashed_at, state FROM runs WHERE id = ?", (run_id,))
            before = found.fetchone()
            db.execute("UPDATE runs SET crashed_at = ? WHERE id = ?", (step, run_id))
        return before == (step, "queued")

    def delete_run(self, run_id: str, *, only_ended: bool = False) -> None:
        """Deletes a run, part by part, so that others can write in between; nobody sees it from
        the first part on. With `only_ended`, not one that somebody has begun to train longer."""
        spared = ACTIVE if only_ended else ()
        hide = f"UPDATE runs SET wish = 'deleted' WHERE id = ? AND state NOT IN ({_marks(spared)})"
        self._db.delete(lambda db: db.execute(hide, (run_id, *spared)))
        if self.has_run(run_id):
            return
        of_parts = "DELETE FROM snapshots WHERE run_id = ? AND step = ?"
        for step in self.snapshot_steps(run_id):
            self._db.delete(lambda db, step=step: db.execute(of_parts, (run_id, step)))

        def delete(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM runs WHERE id = ?", (run_id,))
            self._delete_unneeded_texts(db)

        self._db.delete(delete)
        self._db.scrub()

    def used_bytes(self) -> int:
        """How much room all texts and runs take."""
        return self._db.used_bytes()

    def unviewed(self, states: Sequence[State], before: float = float("inf")) -> list[str]:
        """Ids of runs in these states that nobody has looked at since `before`, the longest
        unviewed first; those for everyone are not among them."""
        rows = self._db.rows(
            f"SELECT id FROM runs WHERE state IN ({_marks(states)}) AND viewed_at < ? "
            "AND workspace != ? ORDER BY viewed_at, rowid",
            *states,
            before,
            EVERYONE,
        )
        return [run_id for (run_id,) in rows]

    def holdings(self) -> list[Holding]:
        """What each workspace holds of the disk, as far as it counts as that workspace's: not what
        is everyone's or the library's, nor runs that are being deleted."""
        return [*self._texts_held(), *self._runs_held()]

    def _texts_held(self) -> list[Holding]:
        holders: dict[str, list[tuple]] = {}
        for text_id, *holder in self._db.rows(
            "SELECT text_id, workspace, min(created_at), max(used), max(shelved), bytes FROM ("
            "SELECT text_id, workspace, created_at, 0 AS used, 1 AS shelved FROM shelves UNION ALL "
            "SELECT text_id, workspace, created_at, 1, 0 FROM runs) JOIN texts ON id = text_id "
            "GROUP BY text_id, workspace"
        ):
            holders.setdefault(text_id, []).append(tuple(holder))
        ours = {EVERYONE, LIBRARY_SHELF}
        return [
            Holding(
                "text", text_id, who, 0 if ours & {who for who, *_ in each} else size // len(each),
                since, bool(shelved and not used),
            )
            for text_id, each in holders.items()
            for who, since, used, shelved, size in each
            if who not in ours
        ]  # fmt: skip

    def _runs_held(self) -> list[Holding]:
        rows = self._db.rows(
            "SELECT id, workspace, step * ? + length(tokenizer) "
            "+ (SELECT coalesce(sum(length(body)), 0) FROM samples WHERE run_id = id) "
            "+ (SELECT coalesce(sum(length(weights)), 0) FROM snapshots WHERE run_id = id) "
            "+ (SELECT coalesce(sum(length(state)), 0) FROM checkpoints WHERE run_id = id), "
            "viewed_at, state FROM runs WHERE wish != 'deleted' AND workspace != ?",
            METRICS_BYTES,
            EVERYONE,
        )
        return [Holding("run", *rest, state not in ACTIVE) for *rest, state in rows]

    def forget_texts(self, shelved: Iterable[tuple[str, str]], *, used: bool = False) -> None:
        """Takes texts from shelves, each given as workspace and id, also where a run of that
        workspace uses them if `used`; deletes those that neither a shelf nor a run needs."""
        shelved = list(shelved)

        def delete(db: sqlite3.Connection) -> None:
            db.executemany(
                "DELETE FROM shelves WHERE workspace = ? AND text_id = ? "
                "AND (? OR NOT EXISTS (SELECT 1 FROM runs WHERE runs.text_id = shelves.text_id "
                "AND runs.workspace = shelves.workspace))",
                [(*each, used) for each in shelved],
            )
            self._delete_unneeded_texts(db)

        if shelved:
            self._db.delete(delete)
            self._db.scrub()

    def tidy(self) -> None:
        """Empties the log of what could not be emptied before, and keeps some disk for deleting."""
        if self._db.scrub():
            self._db.reserve.keep(self.used_bytes())

    # Results

    def record(self, run_id: str, results: Results) -> None:
        """Keeps the worker's results in one transaction."""
        with self._db.transaction() as db:
            self._record(db, run_id, results)

    def _record(self, db: sqlite3.Connection, run_id: str, results: Results) -> None:
        db.executemany(
            "INSERT OR REPLACE INTO metrics VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((run_id, *COLUMNS(row)) for row in results.metrics),
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
        if single := results.single:
            db.execute(
                "INSERT OR REPLACE INTO single_steps VALUES (?, ?, ?)",
                (run_id, single.step, single.to_json()),
            )
        if results.kept is not None:
            for table in ("samples", "snapshots", "single_steps"):
                query = f"DELETE FROM {table} WHERE run_id = ? AND step > ?"
                db.execute(query, (run_id, results.kept))
        if results.metrics:
            db.execute("UPDATE runs SET step = ? WHERE id = ?", (results.metrics[-1].step, run_id))
        if results.state:
            before, wish = db.execute(
                "SELECT state, wish FROM runs WHERE id = ?", (run_id,)
            ).fetchone()
            state = results.state
            if state != before and state not in TRANSITIONS[before]:
                raise ValueError(f"a run cannot go from {before} to {state}")
            if state == "paused" and wish == "running":
                if results.rests:
                    wish = "paused"
                else:  # asked to go on again while the pause was being written
                    state = "queued"
            db.execute(
                "UPDATE runs SET state = ?, wish = ?, reason = ? WHERE id = ?",
                (state, wish, results.reason, run_id),
            )
            if state != "running":
                db.execute("UPDATE runs SET pause_at = NULL WHERE id = ?", (run_id,))
            if state == "queued":  # at the end of the line
                db.execute("UPDATE runs SET queued_at = ? WHERE id = ?", (self.clock(), run_id))

    def rewind(self, run_id: str, step: int) -> None:
        """Forgets what came after `step`, before a run goes on from a checkpoint of that step."""
        with self._db.transaction() as db:
            for table in ("metrics", "samples", "snapshots", "single_steps"):
                db.execute(f"DELETE FROM {table} WHERE run_id = ? AND step > ?", (run_id, step))
            db.execute("UPDATE runs SET step = ? WHERE id = ?", (step, run_id))

    def curves(self, run_id: str, most: int | None = None) -> Curves:
        """The metrics of a run, in the order of the steps.

        With `most`, a long run comes thinned to about so many steps, evenly spaced, and besides
        them every validated step and the newest 50.
        """
        step = self.run(run_id).step
        stride = max(1, step // most) if most else 1
        rows = self._db.rows(
            "SELECT step, tokens, train_loss, val_loss, lr, grad_norm, seconds, accuracy "
            "FROM metrics "
            "WHERE run_id = ? AND (step % ? = 0 OR step > ? OR val_loss IS NOT NULL) ORDER BY step",
            run_id,
            stride,
            step - 50,
        )
        return Curves(*np.array(rows, dtype=float).reshape(-1, 8).T)

    def seconds_per_step(self, run_id: str) -> float | None:
        """How long a step took over the last minute of training, without waiting for others; None
        before two."""
        query = "SELECT step, seconds FROM metrics WHERE run_id = ?"
        newest = self._db.rows(f"{query} ORDER BY step DESC LIMIT 1", run_id)
        if not newest or newest[0][0] < 2:
            return None
        ((last, end),) = newest
        before = self._db.rows(
            f"{query} AND seconds <= ? ORDER BY step DESC LIMIT 1", run_id, end - PACE_SECONDS
        ) or self._db.rows(f"{query} ORDER BY step LIMIT 1", run_id)
        ((first, begin),) = before
        return (end - begin) / (last - first)

    def single_step(self, run_id: str) -> SingleStep | None:
        """What the run's newest step did, if it was asked for by itself; else None."""
        rows = self._db.rows(
            "SELECT body FROM single_steps JOIN runs ON id = run_id AND runs.step = "
            "single_steps.step WHERE run_id = ?",
            run_id,
        )
        return SingleStep.from_json(rows[0][0]) if rows else None

    def samples(self, run_id: str) -> list[tuple[int, str]]:
        """Step and text of each sample written while training, oldest first."""
        return self._db.rows(
            "SELECT step, body FROM samples WHERE run_id = ? ORDER BY step", run_id
        )

    def snapshot_steps(self, run_id: str) -> list[int]:
        """The steps whose weights are kept, oldest first."""
        rows = self._db.rows("SELECT step FROM snapshots WHERE run_id = ? ORDER BY step", run_id)
        return [step for (step,) in rows]

    def snapshot_sizes(self, run_id: str) -> dict[int, int]:
        """How many bytes the weights at each of these steps take."""
        query = "SELECT step, length(weights) FROM snapshots WHERE run_id = ? ORDER BY step"
        return dict(self._db.rows(query, run_id))

    def snapshot(self, run_id: str, step: int) -> bytes:
        """The weights at `step`, as safetensors bytes. Raises InputError when they are not kept."""
        rows = self._db.rows(
            "SELECT weights FROM snapshots WHERE run_id = ? AND step = ?", run_id, step
        )
        if not rows:
            raise InputError(f"the weights of step {step:,} are not kept: choose another step")
        return rows[0][0]

    def weights_step(self, run_id: str) -> int | None:
        """The newest step whose weights are kept, as checkpoint or snapshot; None before any."""
        ((step,),) = self._db.rows(
            "SELECT max(step) FROM (SELECT step FROM checkpoints WHERE run_id = ? "
            "UNION SELECT step FROM snapshots WHERE run_id = ?)",
            run_id,
            run_id,
        )
        return step

    def checkpoint_step(self, run_id: str) -> int | None:
        """The step of the newest trainer state; None before the first."""
        rows = self._db.rows("SELECT step FROM checkpoints WHERE run_id = ?", run_id)
        return rows[0][0] if rows else None

    def checkpoint(self, run_id: str) -> tuple[int, bytes] | None:
        """Step and safetensors bytes of the newest trainer state; None before the first."""
        rows = self._db.rows("SELECT step, state FROM checkpoints WHERE run_id = ?", run_id)
        return rows[0] if rows else None

    def weights(self, run: Run, step: int | None = None) -> tuple[int, dict[str, np.ndarray]]:
        """Step and weights of a run at a step where they are kept, or, without one, as far as it
        has come: float32, of a snapshot float16. Raises InputError where none are kept."""
        with self._db.reading() as db:
            (trained,) = db.execute(TRAINED, (run.id,)).fetchall() or [None]
            kept = dict(db.execute(SNAPSHOTS, (run.id,)))
            steps = [*kept, *(trained or [])[:1]]
            if step is None:
                if not steps:
                    raise InputError(NO_WEIGHTS[run.state])
                step = max(steps)
            if trained and trained[0] == step:
                return step, _weights(db, trained[1])
            if step not in kept:
                raise InputError(f"the weights of step {step:,} are not kept: choose another step")
            with db.blobopen("snapshots", "weights", kept[step], readonly=True) as blob:
                return step, tensors(blob)

    def trained_weights(self, run: Run) -> tuple[int, dict[str, np.ndarray]]:
        """The same of the newest trainer state. Raises InputError before the first."""
        with self._db.reading() as db:
            for step, row in db.execute(TRAINED, (run.id,)).fetchall():
                return step, _weights(db, row)
        raise _untrained(run)

    def trained_step(self, run: Run) -> int:
        """The step of the newest trainer state. Raises InputError before the first."""
        step = self.checkpoint_step(run.id)
        if step is None:
            raise _untrained(run)
        return step


def _untrained(run: Run) -> InputError:
    waits = "this run has no weights to export yet: let it train, or pause it"
    return InputError(waits if run.state == "running" else NO_WEIGHTS[run.state])


def _weights(db: sqlite3.Connection, row: int) -> dict[str, np.ndarray]:
    """The weights in a trainer state, which is three times as large: nothing else of it is read."""
    with db.blobopen("checkpoints", "state", row, readonly=True) as blob:
        return tensors(blob, "model.")
