"""Files of runs, changed as whoever writes them by hand would."""

import hashlib
import json
import struct

import numpy as np
import safetensors.numpy

from minigpt.bundle.format import BLANK, FORMAT, SEAL, UNSEALED, open_header


def unpacked(data: bytes) -> tuple[dict, dict]:
    """What a file says of its run, and its tensors."""
    return open_header(data)[1], safetensors.numpy.load(data)


def packed(about: dict, tensors: dict[str, np.ndarray], *, sealed: bool = True) -> bytes:
    """A file that says so; unsealed as earlier versions wrote it."""
    metadata = {"minigpt": FORMAT if sealed else UNSEALED, "run": json.dumps(about)}
    if not sealed:
        return safetensors.numpy.save(tensors, metadata=metadata)
    data = safetensors.numpy.save(tensors, metadata={**metadata, "sha256": BLANK})
    start, end = SEAL.search(data).span(1)
    return data[:start] + hashlib.sha256(data).hexdigest().encode() + data[end:]


def changed(data: bytes, about: dict | None = None, tensors: dict | None = None) -> bytes:
    """The file with some of what it says or holds replaced, as an earlier version would have
    written it; None removes a tensor."""
    old_about, old_tensors = unpacked(data)
    new = {**old_tensors, **(tensors or {})}
    kept = {name: tensor for name, tensor in new.items() if tensor is not None}
    return packed({**old_about, **(about or {})}, kept, sealed=False)


def without(data: bytes, name: str) -> bytes:
    """The file without something that it says of its run."""
    about, tensors = unpacked(data)
    return packed(
        {key: value for key, value in about.items() if key != name}, tensors, sealed=False
    )


def with_header(data: bytes, change) -> bytes:
    """The file with another header; `change` makes it of the one that stands there, both text."""
    end = 8 + struct.unpack("<Q", data[:8])[0]
    header = change(data[8:end].decode()).encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(header)) + header + data[end:]
