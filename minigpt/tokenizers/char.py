"""The character tokenizer: one token for each distinct character of the training text.

>>> tok = CharTokenizer.train("hello")
>>> tok.tokens
['<pad>', '<unk>', '<eos>', 'e', 'h', 'l', 'o']
>>> tok.encode("hole!")
[4, 6, 5, 3, 1]
>>> tok.decode([4, 6, 5, 3, 1])
'hole<unk>'
"""

import json
from collections.abc import Iterable, Iterator
from typing import Self

import numpy as np

from minigpt.config import InputError, whole_characters

SPECIAL_TOKENS = ("<pad>", "<unk>", "<eos>")
MAX_VOCABULARY = 65_536
AT_ONCE = 1 << 20  # characters, of which each takes several numbers on the way to its id


class CharTokenizer:
    """Characters to ids and back; a character it never saw becomes `<unk>`.

    Ids 0, 1, 2 are `<pad>`, `<unk>`, `<eos>`; characters follow in the order of their code points.
    """

    kind = "char"
    pad_id, unk_id, eos_id = range(3)

    def __init__(self, characters: Iterable[str]) -> None:
        self.tokens = [*SPECIAL_TOKENS, *characters]
        if len(self.tokens) > MAX_VOCABULARY:
            raise InputError(
                f"the text has {len(self.tokens) - 3:,} different characters, "
                f"the vocabulary holds {MAX_VOCABULARY - 3:,}: bring a text in fewer scripts"
            )
        known = _code_points("".join(self.tokens[3:])).astype(np.int64)
        # A table from code point to id makes encoding one array look-up; its last row is <unk>.
        self._id_of = np.full(known.max(initial=0) + 2, self.unk_id, dtype=np.uint16)
        self._id_of[known] = np.arange(3, len(self.tokens))

    @classmethod
    def train(cls, text: str) -> Self:
        """The tokenizer of the characters in `text`. Raises InputError when it is empty, or has
        half a character in it."""
        if not text:
            raise InputError("the text is empty: bring one with at least two characters")
        return cls(sorted(set(text)))

    @property
    def vocab_size(self) -> int:
        return len(self.tokens)

    def encode(self, text: str) -> list[int]:
        """One id per character."""
        return self.encode_array(text).tolist()

    def encode_array(self, text: str) -> np.ndarray:
        """The same as uint16 (n,), for whole texts. Raises InputError on half a character."""
        ids, beyond = np.empty(len(text), dtype=np.uint16), len(self._id_of) - 1
        for start in range(0, len(text), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            ids[part] = self._id_of[np.minimum(_code_points(text[part]), beyond)]
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`, special tokens by name. Raises InputError on a foreign id."""
        ids = list(ids)
        if ids and not 0 <= min(ids) <= max(ids) < self.vocab_size:
            raise InputError(f"token ids of this tokenizer run from 0 to {self.vocab_size - 1}")
        return "".join([self.tokens[i] for i in ids])

    def pieces(self, ids: Iterable[int]) -> Iterator[str]:
        """What each of `ids` adds to the text, as they come."""
        return (self.decode([i]) for i in ids)

    def to_json(self) -> str:
        return json.dumps({"kind": self.kind, "characters": self.tokens[3:]})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Inverse of `to_json`. Raises InputError unless it lists distinct single characters."""
        characters = json.loads(text)["characters"]
        if not isinstance(characters, list) or not all(
            isinstance(character, str) and len(character) == 1 for character in characters
        ):
            raise InputError("a character tokenizer lists single characters")
        if len(set(characters)) != len(characters):
            raise InputError("a character tokenizer lists each character once")
        return cls(characters)


def _code_points(text: str) -> np.ndarray:
    """uint32 (n,), one per character. Raises InputError on half a character."""
    with whole_characters():
        return np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
