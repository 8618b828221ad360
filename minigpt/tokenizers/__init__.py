"""Tokenizers turn text into numbers and back. One loader reads every kind."""

import json
from typing import Protocol

from minigpt.config import InputError
from minigpt.tokenizers.char import CharTokenizer

__all__ = ["CharTokenizer", "Tokenizer", "load"]


class Tokenizer(Protocol):
    """What the rest of the package relies on, whatever the kind."""

    kind: str
    tokens: list[str]  # index = id
    pad_id: int
    unk_id: int
    eos_id: int

    @property
    def vocab_size(self) -> int: ...
    def encode(self, text: str) -> list[int]: ...
    def decode(self, ids: list[int]) -> str: ...
    def to_json(self) -> str: ...


KINDS: dict[str, type[Tokenizer]] = {CharTokenizer.kind: CharTokenizer}


def load(text: str) -> Tokenizer:
    """The tokenizer that `to_json` wrote. Raises InputError when it is none of ours."""
    try:
        kind = json.loads(text)["kind"]
        return KINDS[kind].from_json(text)
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise InputError(f"this is not a tokenizer of minigpt: {error!r}") from error
