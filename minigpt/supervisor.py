"""Keeping one worker alive for a store, for as long as this process lives."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

CHECK_SECONDS = 1.0


def lock_path(folder: Path) -> Path:
    """The file whose lock the one worker of a store holds."""
    return folder / "worker.lock"


class Supervisor:
    """Starts a worker where none serves the store, and again whenever it has died.

    The worker ends when this process does: it reads a pipe whose other end only we hold.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self._worker: subprocess.Popen | None = None
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while True:
            self._ensure()
            if self._ends.wait(CHECK_SECONDS):
                return

    def _ensure(self) -> None:
        if self._worker is not None and self._worker.poll() is None:
            return
        try:
            with FileLock(lock_path(self.folder)).acquire(timeout=0):
                pass
        except Timeout:
            return  # another process's worker serves this store
        with open(self.folder / "worker.log", "ab") as log:
            self._worker = subprocess.Popen(
                [sys.executable, "-m", "minigpt.worker"],
                env={**os.environ, "MINIGPT_HOME": str(self.folder)},
                cwd=Path(__file__).resolve().parents[1],  # so that -m finds the package
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )

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
