"""Which step a worker is in, in a file that outlives it: it tells with which run a worker died."""

from pathlib import Path

LENGTH = 128


class Marker:
    """Run and step, written before each step; a write into a file of a fixed length costs
    microseconds and needs no sync: the file survives the process, if not the machine."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "worker.step"
        self._path.touch()

    def put(self, run_id: str, step: int) -> None:
        self._write(f"{run_id} {step}")

    def clear(self) -> None:
        self._write("")

    def read(self) -> tuple[str, int] | None:
        """Run and step of the worker before, unless it ended as it should."""
        words = self._path.read_text(errors="replace").split()
        return (words[0], int(words[1])) if len(words) == 2 and words[1].isdecimal() else None

    def _write(self, words: str) -> None:
        with open(self._path, "r+b", buffering=0) as file:
            file.write(words.encode().ljust(LENGTH))
