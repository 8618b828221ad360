"""How much memory this process may use: what its control groups allow, or what the machine has.
And how it gives back what it needs no more."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

UNKNOWN = 8_000_000_000  # bytes, where the system does not tell
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # man 3 mallopt
HEAP_BYTES, HEAPS = 1 << 20, 2


def memory_bytes(root: Path = Path("/")) -> int:
    """The least of the machine's memory and of what each control group around this process may
    use, of version 1 or 2, as far as they can be seen."""
    return min([_physical(), *_limits(root)])


def keep_heap_small() -> None:
    """Has this process give memory back to the system when it is freed (glibc; elsewhere nothing
    happens): what is larger than a megabyte is never part of a heap, and its many threads share a
    few heaps. glibc itself keeps what was freed, as much as the largest piece that was ever asked
    for, in each of up to eight heaps a core."""
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        mallopt(M_MMAP_THRESHOLD, HEAP_BYTES)
        mallopt(M_TRIM_THRESHOLD, HEAP_BYTES)
        mallopt(M_ARENA_MAX, HEAPS)


def give_back() -> None:
    """Gives the system what lies free in the heaps now."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _physical() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not on Windows
        return UNKNOWN


def _limits(root: Path) -> Iterator[int]:
    """What each group allows, from that of this process up to the highest that is mounted."""
    for version, group in _groups(root):
        for mount, point in _mounts(root, version):
            # Inside a container the group's path may be that of the host, above what is mounted.
            inside = group.relative_to(mount) if group.is_relative_to(mount) else PurePosixPath()
            name = "memory.max" if version == 2 else "memory.limit_in_bytes"
            for folder in (inside, *inside.parents):
                told = _read(root / point.relative_to("/") / folder / name).strip()
                if told.isdecimal():  # else it is "max", or there is no such group
                    yield int(told)


def _groups(root: Path) -> Iterator[tuple[int, PurePosixPath]]:
    """Version and path of the groups that count this process's memory (man 7 cgroups)."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            yield 2, PurePosixPath(path)
        elif "memory" in controllers.split(","):
            yield 1, PurePosixPath(path)


def _mounts(root: Path, version: int) -> Iterator[tuple[PurePosixPath, PurePosixPath]]:
    """The group at the top of each hierarchy of that version, and the folder where it is mounted
    (man 5 proc_pid_mountinfo)."""
    for line in _read(root / "proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        (_, _, _, top, point, *_), (kind, _, options) = before.split(), after.split(" ", 2)
        if kind == ("cgroup2" if version == 2 else "cgroup") and (
            version == 2 or "memory" in options.split(",")
        ):
            yield PurePosixPath(top), PurePosixPath(point)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
