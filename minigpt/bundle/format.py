"""The file itself: a safetensors header with what is said of the run, sealed by a checksum.

A seal is the SHA-256 of the whole file in which its own 64 digits are zeros. So whatever bit of the
file is turned, it no longer fits.
"""

import hashlib
import json
import math
import re
import struct
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from minigpt.config import InputError
from minigpt.metrics import Metrics

FORMAT = "2"
UNSEALED = "1"  # what earlier exports say, which have no checksum
# Columns of the table; `accuracy` is a tensor by itself, in the runs that have it.
METRICS = [spec.name for spec in fields(Metrics) if spec.name != "accuracy"]
MAX_HEADER = 8_000_000  # bytes; samples are in it
# Characters outside of strings: brackets, commas, numbers. 600 weights at 38 steps have 0.9 million
# of them, and what Python makes of so many fits into 100 MB.
MAX_STRUCTURE = 1_000_000
LARGEST = 2**63 - 1  # the largest whole number of the store
BLANK = "0" * 64
SEAL = re.compile(rb'"sha256":"([0-9a-f]{64})"')  # inside a string its quotes would be escaped
HALVES = re.compile(r"\\u[dD][89a-fA-F]")
STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)  # never goes back


class NotARun(InputError):
    """A file that is not a whole run exported by minigpt."""

    def __init__(self, why: str) -> None:
        super().__init__(f"this file is not a run exported by minigpt: {why}")


class BrokenRun(InputError):
    """A file that was a run exported by minigpt, before it was cut or changed."""


def file_of(tensors: Mapping[str, np.ndarray], said: str) -> bytes:
    """A run's file: what is said of it, and its tensors in their order, the widest numbers first.
    Nothing is copied but the tensors into the file."""
    entries: dict[str, Any] = {"__metadata__": {"minigpt": FORMAT, "run": said, "sha256": BLANK}}
    end = 0
    for name, tensor in tensors.items():
        begin, end = end, end + tensor.nbytes
        kind = f"F{8 * tensor.itemsize}"
        entries[name] = {"dtype": kind, "shape": tensor.shape, "data_offsets": [begin, end]}
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # so that every number stands at a multiple of its width
    start = struct.pack("<Q", len(header)) + header
    bodies = [np.ascontiguousarray(tensor).reshape(-1) for tensor in tensors.values()]
    digest = hashlib.sha256(start)
    for body in bodies:
        digest.update(body)
    before, after = SEAL.search(start).span(1)
    return b"".join([start[:before], digest.hexdigest().encode(), start[after:], *bodies])


def is_intact(data: bytes) -> bool:
    """Whether the checksum fits; True where there is none."""
    sealed = SEAL.search(data, 8, 8 + MAX_HEADER)
    return sealed is None or _digest(data, *sealed.span(1)) == sealed[1]


def _digest(data: bytes, start: int, end: int) -> bytes:
    """The digits that seal the file, when they stand there."""
    view = memoryview(data)
    digest = hashlib.sha256(view[:start])
    digest.update(BLANK.encode())
    digest.update(view[end:])
    return digest.hexdigest().encode()


def open_header(data: bytes) -> tuple[dict[str, Any], dict[str, Any], int]:
    """The tensors' descriptions, what the file says about the run, and where its tensors begin; no
    tensor is read. Raises NotARun or BrokenRun, and what a parser raises."""
    if len(data) < 8:
        raise NotARun("it is too short")
    start = 8 + struct.unpack("<Q", data[:8])[0]
    if start > 8 + MAX_HEADER:
        raise NotARun("its header is too long")
    if start > len(data) and data.startswith(b'{"__metadata__":{', 8) and b"\0" not in data[8:]:
        raise _incomplete("more than", start - len(data))
    header = parsed(data[8:start].decode())
    metadata = header.pop("__metadata__")
    if metadata["minigpt"] not in (FORMAT, UNSEALED):
        raise NotARun("it was exported by another version")
    names = {"minigpt", "run"} | ({"sha256"} if metadata["minigpt"] == FORMAT else set())
    if set(metadata) != names:
        raise NotARun("its header says less or more than a run's")
    if "sha256" in names and not SEAL.search(data, 8, start):
        raise damaged()  # what is there is no checksum any more
    places = [entry["data_offsets"] for entry in header.values()]
    size = max(end for _, end in places)
    missing = start + size - len(data)
    if missing > 0 and size == sum(end - begin for begin, end in places):
        raise _incomplete("", missing)
    return header, parsed(metadata["run"]), start


def damaged() -> BrokenRun:
    return BrokenRun(
        "this run's file is damaged, its checksum does not fit: download or copy it again"
    )


def _incomplete(least: str, missing: int) -> BrokenRun:
    bytes_are = "byte is" if missing == 1 else "bytes are"
    return BrokenRun(
        f"this run's file is incomplete, {least} {missing:,} {bytes_are} missing at its end: "
        "download or copy it again".replace("  ", " ")
    )


def parsed(text: str) -> Any:
    """What a JSON text says, if a run's file can say that: whole numbers the store holds, finite
    ones, no name twice, no half characters, and not so much that it would fill the memory.

    Raises NotARun, and what `json` raises.
    """
    in_strings = sum(end - start for start, end in map(re.Match.span, STRING.finditer(text)))
    if len(text) - in_strings > MAX_STRUCTURE:
        raise NotARun("its header describes too much")
    value = json.loads(
        text, object_pairs_hook=_once, parse_int=_whole, parse_float=_finite, parse_constant=_finite
    )
    if HALVES.search(text):  # JSON can name half a character, which no file and no page can hold
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise NotARun("its header says something twice")
    return values


def _whole(digits: str) -> int:
    if len(digits) > 20 or abs(int(digits)) > LARGEST:
        raise NotARun("a number in it is larger than any of a run's")
    return int(digits)


def _finite(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        raise NotARun("a number in it is not finite")
    return number
