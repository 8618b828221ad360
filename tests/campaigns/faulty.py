"""A worker on a disk that fails, or that is killed, at its n-th write, whatever it writes.

    python -m tests.campaigns.faulty --write 20 --fault ENOSPC --times 5

Into the store SQLite writes, and its own way in is used: `xSetSystemCall` of its VFS
(https://sqlite.org/c3ref/vfs.html) puts our function in the place of the system's write, in the
very library Python's sqlite3 has loaded. What Python writes itself goes through `os.write`, but for
the beats, which go into a pipe, and the log, which is made to.
"""

import argparse
import ctypes
import errno
import io
import itertools
import os
import signal
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from minigpt.engine import training, worker

FAULTS = ("ENOSPC", "EIO", "KILL")
POINTER = ctypes.c_void_p
WRITE = ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_int, POINTER, ctypes.c_size_t, use_errno=True)
PWRITE = ctypes.CFUNCTYPE(
    ctypes.c_ssize_t, ctypes.c_int, POINTER, ctypes.c_size_t, ctypes.c_int64, use_errno=True
)
CALLS = {b"write": WRITE, b"pwrite": PWRITE, b"pwrite64": PWRITE}
_kept = []  # functions that C holds must not be collected


class Vfs(ctypes.Structure):
    """sqlite3_vfs, version 3."""

    _fields_ = [
        ("iVersion", ctypes.c_int),
        ("szOsFile", ctypes.c_int),
        ("mxPathname", ctypes.c_int),
        *((name, POINTER) for name in ("pNext", "zName", "pAppData")),
        *((f"method{i}", POINTER) for i in range(13)),  # xOpen to xCurrentTimeInt64
        ("xSetSystemCall", ctypes.CFUNCTYPE(ctypes.c_int, POINTER, ctypes.c_char_p, POINTER)),
        ("xGetSystemCall", ctypes.CFUNCTYPE(POINTER, POINTER, ctypes.c_char_p)),
    ]


def sqlite_library() -> ctypes.CDLL:
    """The library that Python's sqlite3 uses. Raises RuntimeError where it is not a shared one."""
    assert sqlite3.sqlite_version
    for line in Path("/proc/self/maps").read_text().splitlines():
        if "libsqlite3" in line:
            return ctypes.CDLL(line.split()[-1])
    raise RuntimeError("this Python has SQLite built in: its writes cannot be made to fail")


class Disk:
    """From the `nth` write of this process on, `times` of them fail."""

    def __init__(self, nth: int, fault: str, times: int) -> None:
        self._failing, self._fault = range(nth, nth + times), fault
        self._writes = itertools.count(1)

    def refuses(self) -> int:
        """The error of this write, 0 when it goes well."""
        if next(self._writes) not in self._failing:
            return 0
        if self._fault == "KILL":
            os.kill(os.getpid(), signal.SIGKILL)
        return getattr(errno, self._fault)


def fail_in_sqlite(disk: Disk) -> None:
    library = sqlite_library()
    library.sqlite3_vfs_find.restype = ctypes.POINTER(Vfs)
    vfs = library.sqlite3_vfs_find(None)

    def replaced(name: bytes, kind: type) -> None:
        address = vfs.contents.xGetSystemCall(vfs, name)
        if not address:
            return  # this build of SQLite does not use that call
        original = kind(address)

        def write(*args: int) -> int:
            if error := disk.refuses():
                ctypes.set_errno(error)
                return -1
            return original(*args)

        ours = kind(write)
        _kept.append(ours)
        vfs.contents.xSetSystemCall(vfs, name, ctypes.cast(ours, POINTER))

    for name, kind in CALLS.items():
        replaced(name, kind)


class Log(io.RawIOBase):
    """Our stderr, as a file on that disk."""

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:
        return os.write(2, data)


def fail_in_python(disk: Disk) -> None:
    original = os.write

    def write(file: int, data: bytes) -> int:
        if file != worker.STDOUT and (error := disk.refuses()):
            raise OSError(error, os.strerror(error))
        return original(file, data)

    os.write = write
    sys.stderr = io.TextIOWrapper(Log(), write_through=True)


def main(options: Sequence[str] | None = None) -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--write", type=int, help="the first write that fails")
    arguments.add_argument("--fault", choices=FAULTS, default="KILL")
    arguments.add_argument("--times", type=int, default=1, help="how many writes fail")
    arguments.add_argument("--checkpoint-seconds", type=float, default=0.3)
    args = arguments.parse_args(options)
    training.CHECKPOINT_SECONDS = args.checkpoint_seconds  # so that a short trial has many
    worker.RETRY_SECONDS = 0.1
    if args.write:
        disk = Disk(args.write, args.fault, args.times)
        fail_in_sqlite(disk)
        fail_in_python(disk)
    return worker.main()


if __name__ == "__main__":
    sys.exit(main())
