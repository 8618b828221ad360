"""Keeping one worker alive for a store, for as long as this process lives."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from minigpt.store import Results, Store

CHECK_SECONDS = 0.5
BEAT_SECONDS = 0.5  # a worker tells so often that it lives
SILENT_SECONDS = 4.0  # one that does not is taken for hung
START_SECONDS = 60.0  # but importing torch may take a while


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
    """Starts a worker where none serves the store, and again whenever it has died or hangs.

    Only our own child is ever signalled. It ends when this process does: it reads a pipe whose
    other end only we hold.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self.trouble = ""  # what keeps the worker from working, as a sentence for a page
        self._worker: subprocess.Popen | None = None
        self._silent_at = 0.0
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while True:
            try:
                self._ensure()
            except OSError as error:
                self.trouble = f"the training process cannot be started: {error.strerror}"
            if self._ends.wait(CHECK_SECONDS):
                return

    def _ensure(self) -> None:
        if self._worker is not None and self._worker.poll() is None:
            if time.monotonic() > self._silent_at:
                self._worker.kill()
                self._worker.wait()
            return
        try:
            with FileLock(lock_path(self.folder)).acquire(timeout=0):
                pass
        except Timeout:
            return  # another process's worker serves this store
        with open(self.folder / "worker.log", "ab") as log:
            self._worker = subprocess.Popen(
                [sys.executable, "-m", "minigpt.worker"],
                env={**worker_environment(), "MINIGPT_HOME": str(self.folder)},
                cwd=Path(__file__).resolve().parents[1],  # so that -m finds the package
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self._silent_at = time.monotonic() + START_SECONDS
        threading.Thread(target=self._listen, args=[self._worker], daemon=True).start()

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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
