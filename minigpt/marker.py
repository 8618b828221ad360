"""Which step a worker is in, in a file that outlives it: it tells with which run a worker died."""

import os
from pathlib import Path

LENGTH = 128


class Marker:
    """Run and step, written before each step; a write into a file of a fixed length costs
    microseconds and needs no sync: the file survives the process, if not the machine."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "worker.step", os.O_RDWR | os.O_CREAT)

    def put(self, run_id: str, step: int) -> None:
        os.pwrite(self._file, f"{run_id} {step}".encode().ljust(LENGTH), 0)

    def read(self) -> tuple[str, int] | None:
        """Run and step of the worker before, unless it ended as it should."""
        words = os.pread(self._file, LENGTH, 0).decode(errors="replace").split()
        return (words[0], int(words[1])) if len(words) == 2 and words[1].isdecimal() else None

    def clear(self) -> None:
        os.pwrite(self._file, b" " * LENGTH, 0)
