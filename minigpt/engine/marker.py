"""Which step a worker is in, in a file that outlives it: it tells with which run a worker died."""

import os
from pathlib import Path

from minigpt.store import refused

LENGTH = 128


class Marker:
    """Run and step, put down before each step, cleared before what it learned is written: who is
    killed while writing was not killed by a step.

    A write into a file of a fixed length costs microseconds and needs no sync: the file survives
    the process, if not the machine. Raises StoreError where the disk refuses.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "worker.step"

    def put(self, run_id: str, step: int) -> None:
        self._write(f"{run_id} {step}")

    def clear(self) -> None:
        self._write("")

    def read(self) -> tuple[str, int] | None:
        """Run and step of the worker before, unless it ended outside of a step."""
        try:
            words = self._path.read_text(errors="replace").split()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise refused(self._path, error) from error
        return (words[0], int(words[1])) if len(words) == 2 and words[1].isdecimal() else None

    def _write(self, words: str) -> None:
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o666)
            try:
                os.write(file, words.encode().ljust(LENGTH))
            finally:
                os.close(file)
        except OSError as error:
            raise refused(self._path, error) from error
