"""A run whose tokens are as long as a file may make them."""

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from minigpt.store import Store
from minigpt.tokenizers import BPETokenizer
from minigpt.tokenizers.bpe import FIRST_BYTE, FIRST_MERGE, MAX_BYTES
from tests.bundles import packed, unpacked
from tests.campaigns.imports import trained

# Letters, a character that shows as its code point, and a byte that is no text.
GROWN = (b"z", "\u200f".encode(), b"\xff")
TEXT = "zz " + "z" * 95 + "\u200f" * 96  # read as the longest tokens that a text is cut into


def merges() -> Iterator[tuple[int, int]]:
    """Merges that double each of them as often as they may."""
    newest = FIRST_MERGE - 1
    for first, *others in GROWN:
        token, size = FIRST_BYTE + first, 1
        for byte in others:
            yield token, FIRST_BYTE + byte
            newest, size = newest + 1, size + 1
            token = newest
        while 2 * size <= MAX_BYTES:
            yield token, token
            newest, size = newest + 1, 2 * size
            token = newest


@cache
def run_file() -> bytes:
    """The run's file: its model writes nothing but its longest tokens."""
    tokenizer = BPETokenizer(merges())
    with tempfile.TemporaryDirectory() as home:
        store = Store(Path(home))
        about, tensors = unpacked(trained(store, tokenizer, block_size=16))
        store.close()
    longest = np.array([len(token) > MAX_BYTES / 2 for token in tokenizer.token_bytes])
    assert longest.sum() == len(GROWN)
    for name, tensor in tensors.items():
        if name.endswith(("ln_f.weight", "ln_f.bias")):  # whatever was read, the same is said
            tensors[name] = np.full_like(tensor, name.endswith("bias"))
        elif name.endswith("lm_head.weight"):
            signs = np.where(longest, 1, -1)[:, None]
            tensors[name] = np.broadcast_to(signs, tensor.shape).astype(tensor.dtype)
    return packed(about, tensors)
