"""Some tensors of a safetensors file, without the others in memory."""

import json

import numpy as np

from minigpt.store.passages import Body

KINDS = {"F16": np.float16, "F32": np.float32, "F64": np.float64}


def tensors(file: Body, prefix: str = "") -> dict[str, np.ndarray]:
    """Those whose names begin so, by what follows in their names. The file stands at its
    beginning (https://github.com/huggingface/safetensors#format)."""
    size = int.from_bytes(file.read(8), "little")
    entries, start, found = json.loads(file.read(size)), 8 + size, {}
    for name, entry in entries.items():
        if name.startswith(prefix) and name != "__metadata__":
            begin, end = entry["data_offsets"]
            file.seek(start + begin)
            numbers = np.frombuffer(bytearray(file.read(end - begin)), KINDS[entry["dtype"]])
            found[name.removeprefix(prefix)] = numbers.reshape(entry["shape"])
    return found
