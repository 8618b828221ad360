"""Tokenizers turn text into numbers and back. One loader reads every kind."""

import json
from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np

from minigpt.config import InputError
from minigpt.tokenizers.bpe import BPETokenizer
from minigpt.tokenizers.char import CharTokenizer

__all__ = ["KINDS", "BPETokenizer", "CharTokenizer", "Tokenizer", "load", "train"]


class Tokenizer(Protocol):
    """What the rest of the package relies on, whatever the kind."""

    kind: str
    tokens: list[str]  # index = id; bytes that are no character read `<0xC3>`
    pad_id: int
    unk_id: int
    eos_id: int

    @property
    def vocab_size(self) -> int: ...
    def encode(self, text: str) -> list[int]: ...
    def encode_array(self, text: str) -> np.ndarray: ...
    def decode(self, ids: Iterable[int]) -> str: ...
    def pieces(self, ids: Iterable[int]) -> Iterator[str]: ...
    def to_json(self) -> str: ...


KINDS: dict[str, type[Tokenizer]] = {
    CharTokenizer.kind: CharTokenizer,
    BPETokenizer.kind: BPETokenizer,
}


def train(text: str, kind: str = "char", vocab_size: int = 1024) -> Tokenizer:
    """The tokenizer of that kind for a text; characters need no size. Raises InputError."""
    if kind == BPETokenizer.kind:
        return BPETokenizer.train(text, vocab_size)
    return CharTokenizer.train(text)


def load(text: str) -> Tokenizer:
    """The tokenizer that `to_json` wrote. Raises InputError when it is none of ours."""
    try:
        kind = json.loads(text)["kind"]
        return KINDS[kind].from_json(text)
    except (json.JSONDecodeError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"this is not a tokenizer of minigpt: {error!r}") from error
