"""Keeping one worker alive for a store, for as long as this process lives."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from minigpt.metrics import Results
from minigpt.store import Store

CHECK_SECONDS = 0.5
BEAT_SECONDS = 0.5  # a worker tells so often that it lives
SILENT_SECONDS = 4.0  # one that does not is taken for hung
START_SECONDS = 60.0  # but importing torch may take a while
STEADY_SECONDS = 30.0  # one that lives so long is started again at once when it ends
LONGEST_WAIT = 60.0  # between two tries of one that does not
LONGEST_WORDS = 300  # characters of what a worker said last


def lock_path(folder: Path) -> Path:
    """The file whose lock the one worker of a store holds."""
    return folder / "worker.lock"


def settle(store: Store) -> bool:
    """Where no worker serves a store: what the last one was training when it ended stands in line
    again, and what was wished meanwhile is so. False where one does, which sees to this itself."""
    try:
        with FileLock(lock_path(store.folder)).acquire(timeout=0):
            store.requeue()
            for run_id, wish in store.unmet_wishes():
                if wish == "deleted":
                    store.delete_run(run_id)
                else:
                    store.record(run_id, Results(state=wish))
    except Timeout:
        return False
    return True


def worker_environment() -> dict[str, str]:
    """Our environment, and glibc told to keep the memory of large tensors for the next step, and to
    ask for it in huge pages: without the one a training step of `gpt2` takes about a tenth longer,
    without the other a few hundredths."""
    large = 1 << 28
    tunables = {
        "hugetlb": 1,  # madvise(MADV_HUGEPAGE)
        "mmap_threshold": large,
        "trim_threshold": large,
        "top_pad": large >> 2,
    }
    settings = ":".join(f"glibc.malloc.{name}={value}" for name, value in tunables.items())
    return {"GLIBC_TUNABLES": settings} | os.environ


class Supervisor:
    """Starts a worker where none serves the store, and again whenever it has died or hangs; one
    that cannot start, after a while, and with a word on why.

    Only our own child is ever signalled. It ends when this process does: it reads a pipe whose
    other end only we hold.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self.trouble = ""  # what keeps the worker from working, as a sentence for a page
        self._worker: subprocess.Popen | None = None
        self._silent_at = 0.0
        self._started_at = self._next_at = 0.0
        self._hung = False
        self._failures = 0  # how many ended soon after their start, one after the other
        self._log_start = 0  # where in the log the newest worker's words begin
        # Of several supervisors of one store only one has a worker: who holds this.
        self._turn = FileLock(self.folder / "supervisor.lock", thread_local=False)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while True:
            try:
                self._ensure()
            except OSError as error:
                self.trouble = f"the training process cannot be started: {error.strerror}"
                self._next_at = time.monotonic() + self._next_delay()
            if self._ends.wait(CHECK_SECONDS):
                return

    def _ensure(self) -> None:
        if self._worker is not None and self._worker.poll() is None:
            if time.monotonic() > self._silent_at:
                self._hung = True
                self._worker.kill()
                self._worker.wait()
            return
        if self._turn.is_locked:
            self._turn.release()
            self._note_end()
        if time.monotonic() < self._next_at:
            return
        try:
            self._turn.acquire(timeout=0)
            with FileLock(lock_path(self.folder)).acquire(timeout=0):
                pass
            self._start()
        except Timeout:
            self._turn.release()
            self.trouble = ""  # another process's worker serves this store
        except OSError:
            self._turn.release()
            raise

    def _start(self) -> None:
        with open(self.folder / "worker.log", "ab") as log:
            self._log_start = log.tell()
            self._worker = subprocess.Popen(
                [sys.executable, "-m", "minigpt.engine.worker"],
                env={**worker_environment(), "MINIGPT_HOME": str(self.folder)},
                cwd=Path(__file__).resolve().parents[2],  # so that -m finds the package
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self._started_at, self._hung = time.monotonic(), False
        self._silent_at = self._started_at + START_SECONDS
        threading.Thread(target=self._listen, args=[self._worker], daemon=True).start()

    def _next_delay(self) -> float:
        """Seconds until the next try, after one more failure: 0, 1, 3, 7, …"""
        self._failures += 1
        return min(2.0 ** (self._failures - 1) - 1, LONGEST_WAIT)

    def _note_end(self) -> None:
        """The worker has ended: when the next one starts, and what is to be said meanwhile."""
        if time.monotonic() - self._started_at >= STEADY_SECONDS:
            self._failures = 0
        if self._worker.returncode == 0:
            return  # as it should, or for another one that serves the store
        if delay := self._next_delay():
            self._next_at = time.monotonic() + delay
            self.trouble = (
                f"the training process has ended {self._failures} times soon after its start "
                f"({self._last_words()}); it is started again in {delay:.0f} s"
            )

    def _last_words(self) -> str:
        """Why the newest worker ended: what it wrote last into the log, an exception without its
        module's name; or how it was killed."""
        if self._hung:
            return "it did not answer any more"
        if self._worker.returncode < 0:
            return f"killed by signal {-self._worker.returncode}, perhaps for want of memory"
        with open(self.folder / "worker.log", "rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()] or ["without a word"]
        return re.sub(r"^(\w+\.)+(?=\w+:)", "", said[-1])[:LONGEST_WORDS].rstrip(".")

    def _listen(self, worker: subprocess.Popen) -> None:
        """Hears a worker's beats until it ends."""
        with worker:  # closes its pipes
            for line in worker.stdout:
                self._silent_at = time.monotonic() + SILENT_SECONDS
                self.trouble = json.loads(line)["trouble"]

    def close(self) -> None:
        """Lets the worker save and leave; returns when it has."""
        self._ends.set()
        self._thread.join()
        if self._worker is not None:
            self._worker.stdin.close()
            self._worker.wait(timeout=30)
        self._turn.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
