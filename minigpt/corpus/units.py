"""The units of a loss: nats inside, bits per character to compare, for they do not depend on how a
text is cut into tokens."""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np


class Decoder(Protocol):
    def decode(self, ids: Sequence[int]) -> str: ...


def in_bits(nats: float) -> float:
    return nats / math.log(2)


def bits_per_character(nats: float, characters_per_token: float) -> float:
    """A loss in nats per token, on text whose tokens have so many characters."""
    return in_bits(nats) / characters_per_token


def characters_per_token(tokenizer: Decoder, ids: Sequence[int]) -> float:
    """How many characters a token of this text has on average; ids of shape (n,), n > 0."""
    return len(tokenizer.decode(np.asarray(ids).tolist())) / len(ids)
