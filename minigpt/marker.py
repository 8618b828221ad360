"""Which step a worker is in, in a file that outlives it: it tells with which run a worker died."""

from pathlib import Path

LENGTH = 128


class Marker:
    """Run and step, written before each step; a write into a file of a fixed length costs
    microseconds and needs no sync: the file survives the process, if not the machine."""

    def __init__(self, folder: Path) -> None:
        path = folder / "worker.step"
        path.touch()
        self._file = open(path, "r+b", buffering=0)  # noqa: SIM115 - open for as long as we live

    def put(self, run_id: str, step: int) -> None:
        self._write(f"{run_id} {step}")

    def clear(self) -> None:
        self._write("")

    def read(self) -> tuple[str, int] | None:
        """Run and step of the worker before, unless it ended as it should."""
        self._file.seek(0)
        words = self._file.read(LENGTH).decode(errors="replace").split()
        return (words[0], int(words[1])) if len(words) == 2 and words[1].isdecimal() else None

    def _write(self, words: str) -> None:
        self._file.seek(0)
        self._file.write(words.encode().ljust(LENGTH))
