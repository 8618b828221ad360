"""The process that trains all active runs, a slice of time each.

Started with `python -m minigpt.engine.worker` by a `Supervisor`. A beat on our stdout, twice a
second, tells it that we live; the end of our stdin tells us that it does not: then we save and
leave. One worker a store, held by a file lock.
"""

import json
import math
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from minigpt import host, memory
from minigpt.config import InputError, words_of
from minigpt.counting import counted
from minigpt.engine import room, turns
from minigpt.engine.jobs import job_of
from minigpt.engine.launch import check_cost, speed_of
from minigpt.engine.marker import Marker
from minigpt.engine.probe import Prober
from minigpt.engine.supervisor import BEAT_SECONDS, lock_path
from minigpt.engine.training import Training
from minigpt.limits import Limits
from minigpt.memory import Memory
from minigpt.metrics import Results
from minigpt.store import Run, Store, StoreError, home, is_of_disk, refused
from minigpt.store.room import Holding
from minigpt.trainer import Diverged

STDIN, STDOUT = 0, 1
HEAD = 8  # so many of those in line are looked at in a turn
IDLE_SECONDS = 0.1  # how long to wait when nothing trains
RETRY_SECONDS = 2.0  # how long to wait when the disk refuses
TIDY_SECONDS = 60.0
HUNG_SECONDS = 60.0  # a step that takes longer is taken for a hang
BUSY = 3  # what is estimated may take so many times as long on a machine that is busy
COMPILING_SECONDS = 1_200.0  # but a first one that torch.compile builds may take so long
LEAVE_SECONDS = 4.0  # how long saving may take once the parent is gone
SIGTERM_SECONDS = 9.0  # and after SIGTERM


@dataclass
class Health:
    """What the beat tells of a worker."""

    trouble: str = ""  # why nothing can be read or written at the moment
    progress_at: float = field(default_factory=time.monotonic)
    patience: float = HUNG_SECONDS  # how long what it does now may take

    @property
    def hangs(self) -> bool:
        return time.monotonic() - self.progress_at > self.patience


class Worker:
    """Obeys the store's wishes and trains what runs, round-robin, equal time each."""

    def __init__(
        self, store: Store, limits: Limits | None = None, health: Health | None = None
    ) -> None:
        self.store, self.limits = store, limits or Limits.from_environment()
        self.health = health or Health()
        self.trainings: dict[str, Training] = {}
        self._turns = turns.Turns()
        self._unwritten: list[tuple[str, Results]] = []
        self._marker = Marker(store.folder)
        self._died_in = self._marker.read()  # run and step of the worker before
        self._tidied_at = -math.inf
        self._requeued = False

    def turn(self) -> bool:
        """Obeys all wishes and gives the run whose turn it is one slice; False when none runs.

        When the disk refuses, what was learned is kept in memory and nothing trains until it has
        been written.
        """
        self.health.progress_at, self.health.patience = time.monotonic(), HUNG_SECONDS
        try:
            if not self._requeued:
                self._take_over()
            wishes = self.store.unmet_wishes()
            for run_id, wish in wishes:
                if wish == "deleted":  # before all else: it is what helps where the disk is full
                    self._delete(run_id)
            self._write()
            for run_id, wish in wishes:
                if wish != "deleted":
                    self._obey(run_id, wish)
            self._tidy()
            self._admit()
            busy = bool(self.trainings)
            if busy:
                self._train(self._turns.next_of(self.trainings.values()))
        except StoreError as error:
            self.health.trouble = str(error)
            return False
        self.health.trouble = ""
        return busy

    def _take_over(self) -> None:
        """Puts back in line what an earlier worker was training, but not a run that has ended its
        worker twice at the same step."""
        self.store.requeue()
        self._marker.clear()
        if self._died_in:
            run_id, step = self._died_in
            twice = self.store.crashed(run_id, step)
            self._died_in = None
            if twice:
                reason = (
                    f"the worker process ended twice in step {step:,} of this run, most often for "
                    "want of memory, or because the step takes longer than a minute: try a smaller "
                    "batch, context or model"
                )
                self._record(run_id, Results(state="failed", reason=reason))
        self._requeued = True

    def _record(self, run_id: str, results: Results) -> None:
        self._unwritten.append((run_id, results))
        self._write()

    def _write(self) -> None:
        """Writes all that was learned and not yet written, in its order."""
        if self._unwritten:
            self._marker.clear()
        while self._unwritten:
            run_id, results = self._unwritten[0]
            try:
                self.store.record(run_id, results)
            except StoreError:
                raise
            except Exception as error:  # noqa: BLE001 - what cannot be kept is that run's fault
                log(error)
                del self._unwritten[0]
                self.trainings.pop(run_id, None)
                failed = Results(state="failed", reason=reason_of(error))
                if results != failed:  # else not even that can be kept: the run is gone
                    self._unwritten.insert(0, (run_id, failed))
            else:
                del self._unwritten[0]

    @contextmanager
    def _answering_for(self, run_id: str) -> Iterator[None]:
        """Whatever a run's content raises inside fails that run, and the others go on; but when the
        disk refuses, nobody is to blame, and all wait."""
        try:
            yield
        except StoreError:
            raise
        except Exception as error:
            if is_of_disk(error):
                raise refused(Path(str(error.filename or "a file")), error) from error
            log(error)
            self.trainings.pop(run_id, None)
            self._record(run_id, Results(state="failed", reason=reason_of(error)))

    def _delete(self, run_id: str) -> None:
        self.trainings.pop(run_id, None)
        self._unwritten = [each for each in self._unwritten if each[0] != run_id]
        self.store.delete_run(run_id)

    def _obey(self, run_id: str, wish: str) -> None:
        training = self.trainings.pop(run_id, None)
        with self._answering_for(run_id):
            if training:
                self._record(run_id, training.results(checkpoint=True, state=wish))
            else:
                self._record(run_id, Results(state=wish))

    def _admit(self) -> None:
        """Takes a run from the head of the line into memory, when there is room for it or room can
        be made."""
        head = self.store.line(HEAD)
        for run in head:
            if turns.has_place(run, self.trainings.values(), self.limits):
                if self._refuses(run):
                    return
                if self._has_room(run):
                    self._start(run)
                    return
        if head and not self._pause_abandoned(head) and not self._refuses(head[0]):
            self._swap(head[0])

    def _swap(self, run: Run) -> None:
        """Puts runs back in line that had their share, if that lets one begin."""
        trainings, waited = self.trainings.values(), self.store.clock() - run.queued_at
        takes = memory_of(self.store, run)
        going = turns.who_makes_room(run, takes, trainings, self.limits, waited)
        for training in going:
            run_id = training.job.id
            del self.trainings[run_id]
            with self._answering_for(run_id):
                self._record(run_id, training.results(checkpoint=True, state="queued"))
        if going:
            self._start(run)

    def _refuses(self, run: Run) -> bool:
        """Whether a run cannot be trained here, of one whose start was allowed elsewhere or before.
        It pauses and says why: nothing of it is lost, and the limits may change."""
        try:
            check_cost(self.store, self.limits, run.model, run.train, self.store.tokens(run))
        except InputError as error:
            reason = f"{words_of(error)}; to do so, take its settings into a new run"
            self._record(run.id, Results(state="paused", reason=reason, rests=True))
            return True
        return False

    def _has_room(self, run: Run, without: str | None = None) -> bool:
        """Whether a run may train beside those in memory, or beside all but one of them."""
        others = [training for id, training in self.trainings.items() if id != without]
        return turns.has_room(run, memory_of(self.store, run), others, self.limits)

    def _pause_abandoned(self, head: list[Run]) -> bool:
        """Pauses the run that nobody has looked at for longest, if that lets one in line begin."""
        minutes = self.limits.abandoned_minutes
        for run_id in self.store.unviewed(["running"], self.store.clock() - 60 * minutes):
            if run_id in self.trainings and any(self._has_room(run, run_id) for run in head):
                reason = (
                    f"nobody had looked at it for {counted(minutes, 'minute')} while others "
                    "waited, so it made room: press Resume to go on"
                )
                self._let_rest(run_id, reason)
                return True
        return False

    def _let_rest(self, run_id: str, reason: str) -> None:
        """Pauses a run that nobody asked to pause."""
        training = self.trainings.pop(run_id)
        with self._answering_for(run_id):
            results = training.results(checkpoint=True, state="paused", reason=reason, rests=True)
            self._record(run_id, results)

    def _start(self, run: Run) -> None:
        """Takes a run into memory, at its newest checkpoint; one that cannot go on has failed."""
        self._marker.put(run.id, run.step)
        with self._answering_for(run.id):
            job = job_of(self.store, run)
            trainer = job.trainer(compiled=bool(self.limits.compile))
            self._marker.clear()
            self.store.rewind(run.id, trainer.step)
            sampled = {step for step, _ in self.store.samples(run.id)}
            training = Training(job, trainer)
            training.measuring = speed_of(self.store).seconds_to_measure(
                job.model, job.train, len(job.ids)
            )
            training.sample_due = trainer.is_measured_step and trainer.step not in sampled
            self._turns.join(training, self.trainings.values())
            self.trainings[run.id] = training
            self._record(run.id, Results(state="running"))

    def _train(self, training: Training) -> None:
        run_id, started = training.job.id, time.process_time()
        standing: dict[str, object] = {}
        self._allow(training)
        with self._answering_for(run_id):
            try:
                seconds = turns.slice_seconds(len(self.trainings))
                training.slice(seconds, partial(self._marker.put, run_id))
                # Time of the processor, not of the clock: nobody pays for a slow disk or a
                # neighbour of this machine, who may well take seconds.
                self._turns.spend(training, time.process_time() - started)
            except Diverged as error:
                standing = {"state": "diverged", "reason": str(error), "kept": error.kept}
            else:
                if training.ended:
                    standing = {"state": "finished", "reason": training.remark()}
                elif training.rests:
                    standing = {"state": "paused", "rests": True}
            ends = bool(standing)
            results = training.results(checkpoint=ends or training.checkpoint_due, **standing)
            if ends:
                del self.trainings[run_id]
            self._record(run_id, results)

    def _allow(self, training: Training) -> None:
        """Tells how long the next steps may take: torch.compile builds a model in its first one,
        and after some of a large run its loss on much text is measured."""
        begins = self.limits.compile and not training.began
        usual = HUNG_SECONDS + BUSY * training.measuring
        self.health.patience = COMPILING_SECONDS if begins else usual

    def _tidy(self) -> None:
        """Clears what nobody has looked at for long, and what goes when the disk budget is spent;
        never an active run, and nothing of what is meant for everyone."""
        now = time.monotonic()
        if now - self._tidied_at < TIDY_SECONDS:
            return
        self._tidied_at = now
        host.give_back()  # what runs that have ended took
        store, limits = self.store, self.limits
        oldest = store.clock() - 86_400 * limits.max_age_days
        self._end_paused(oldest, counted(limits.max_age_days, "day"))
        self._clear(old for old in store.holdings() if old.idle and old.seen_at < oldest)
        if not room.fits(store, limits, 0):
            self._end_paused(store.clock() - 86_400, "a day while the room on the disk was used up")
            self._clear(room.disk(store, limits).over())
        if not room.fits(store, limits, 0):
            self._stop_growing()
        store.tidy()

    def _end_paused(self, before: float, unviewed: str) -> None:
        for run_id in self.store.unviewed(["paused"], before):
            reason = f"it was paused and unviewed for {unviewed}"
            self._record(run_id, Results(state="stopped", reason=reason))
            self.store.look(run_id)  # it is kept for as long again

    def _clear(self, holdings: Iterable[Holding]) -> None:
        for holding in holdings:
            if holding.kind == "text":
                self.store.forget_texts([(holding.workspace, holding.id)])
            else:
                self.store.delete_run(holding.id, only_ended=True)

    def _stop_growing(self) -> None:
        """Pauses, on a full disk, the runs of those who hold more than their share of it."""
        disk = room.disk(self.store, self.limits)
        for run_id, training in list(self.trainings.items()):
            if disk.exceeds(training.job.workspace):
                self._let_rest(
                    run_id,
                    "the room on the disk is used up, and your texts and runs take more than your "
                    "share of it: delete some, then press Resume to go on",
                )

    def save(self) -> None:
        """Checkpoints everything in memory; the runs go on from there with the next worker."""
        try:
            self._write()
            for run_id, training in list(self.trainings.items()):
                with self._answering_for(run_id):
                    self._record(run_id, training.results(checkpoint=True))
                self.trainings.pop(run_id, None)
        except StoreError as error:
            self.health.trouble = str(error)


def memory_of(store: Store, run: Run) -> Memory:
    """What a run in line will take."""
    return memory.of_run(run.model, run.train, store.tokens(run))


def log(error: Exception) -> None:
    """Writes the details of an error to the log, where the disk lets us: what a person has to know
    stands in the run's reason."""
    with suppress(OSError):
        traceback.print_exception(error)


def reason_of(error: Exception) -> str:
    return words_of(error) if isinstance(error, InputError) else f"an error in minigpt: {error!r}"


def _beat(health: Health) -> None:
    """Tells the parent twice a second that we live, and what troubles us; silent when hung."""
    while True:
        if not health.hangs:
            os.write(STDOUT, json.dumps({"trouble": health.trouble}).encode() + b"\n")
        time.sleep(BEAT_SECONDS)


def main() -> int:
    """Works until the parent closes our stdin (returns 0) or SIGTERM comes (143)."""
    folder = home()
    try:
        lock = FileLock(lock_path(folder)).acquire(timeout=0)
    except Timeout:
        return 0  # another worker serves this store
    ends = threading.Event()
    status = 0

    def leave_within(seconds: float) -> None:
        ends.set()
        deadline = threading.Timer(seconds, os._exit, [status or 1])
        deadline.daemon = True
        deadline.start()

    def on_sigterm(signum: int, frame: object) -> None:
        nonlocal status
        status = 128 + signum
        leave_within(SIGTERM_SECONDS)

    def watch_parent() -> None:
        while os.read(STDIN, 1024):
            pass  # only the end of the pipe matters: it comes when the parent is gone
        leave_within(LEAVE_SECONDS)

    signal.signal(signal.SIGTERM, on_sigterm)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which closes our stdin
    threading.Thread(target=watch_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(5)  # pages stay responsive
    if threads := Limits.from_environment().threads:  # else torch takes every core: a run alone
        torch.set_num_threads(threads)  # has the whole machine
    torch.set_flush_denormal(True)  # vanishing activations would slow the arithmetic tenfold
    health = Health()
    threading.Thread(target=_beat, args=[health], daemon=True).start()
    with lock:
        worker = prober = None
        while not ends.is_set():
            try:
                if worker is None:
                    worker = Worker(Store(folder), health=health)
                    prober = Prober(worker.store)
                prober.turn(idle=not worker.trainings)
            except StoreError as error:
                health.trouble, health.progress_at = str(error), time.monotonic()
            if worker is None or not worker.turn():
                ends.wait(RETRY_SECONDS if health.trouble else IDLE_SECONDS)
        if worker:
            worker.save()
    return status


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InputError as error:
        sys.exit(f"{error}")  # the last words on stderr are what the supervisor tells
