"""The memory of a case at its highest, as Linux counts it."""

from pathlib import Path

MOST_MB, TIMES_FILE = 200, 3  # what a case may take: so much, and times its file


def megabytes(what: str, pid: int | str = "self") -> int:
    """Of a process: VmRSS now, VmHWM at most since it was asked last; 0 of one that is no more."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(what)), 0) // 1000


class Peak:
    """How much more this process held at most within the block than before it."""

    megabytes = 0

    def __enter__(self) -> "Peak":
        Path("/proc/self/clear_refs").write_text("5")  # VmHWM begins anew
        self._before = megabytes("VmRSS")
        return self

    def __exit__(self, *exception: object) -> None:
        self.megabytes = max(0, megabytes("VmHWM") - self._before)


def check(found_mb: int, data: bytes) -> None:
    """Raises AssertionError where reading a file took more than it may."""
    most = MOST_MB + TIMES_FILE * len(data) / 1e6
    assert found_mb <= most, f"{found_mb:,} MB for a file of {len(data):,} bytes"
