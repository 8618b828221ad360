"""The BPE tokenizer: starts from bytes, and joins the pair that is most frequent, again and again.

Byte pair encoding after Sennrich et al. 2016, over bytes as in GPT-2 (Radford et al. 2019), so
that nothing is unknown. Hugging Face's `tokenizers` counts and joins; what a tokenizer is stands
here: its list of merges.

>>> tok = BPETokenizer.train("aaabdaaabac", vocab_size=262)
>>> [(tok.tokens[left], tok.tokens[right]) for left, right in tok.merges]
[('a', 'a'), ('a', 'b'), ('aa', 'ab')]
>>> [tok.tokens[i] for i in tok.encode("aaabdaaabac")]
['aaab', 'd', 'aaab', 'a', 'c']
>>> tok.decode(tok.encode("naïve 🙂"))
'naïve 🙂'
"""

import codecs
import json
import math
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from minigpt.config import InputError, whole_characters
from minigpt.counting import counted
from minigpt.tokenizers.char import SPECIAL_TOKENS

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Engine
    from tokenizers.pre_tokenizers import PreTokenizer as Splitter

FIRST_BYTE = len(SPECIAL_TOKENS)  # the id of byte 0
FIRST_MERGE = FIRST_BYTE + 256
MIN_VOCABULARY, MAX_VOCABULARY = FIRST_MERGE + 1, 16_384
MAX_BYTES = 256  # of a token; one of a piece of 33 characters has 132 at most
MIN_COUNT = 2  # what occurs once is not worth a token

# Merges stay inside these pieces: a word with the space before it, up to three digits, a run of
# other marks, spaces, one newline. So tokens never cross a line, and lines can be cut in parallel.
# No piece is longer than 32, which bounds the time of text without spaces.
PIECES = (
    r"'(?i:[sdmt]|ll|ve|re)|\n| ?[\p{L}\p{M}]{1,32}| ?\p{N}{1,3}| ?[^\s\p{L}\p{M}\p{N}]{1,32}"
    r"|[^\S\n]{1,32}(?!\S)|[^\S\n]{1,32}"
)
LONGEST_PIECE = 33  # characters, with the space before it
AT_ONCE = 1 << 19  # characters cut before the engine's own account of them, much longer, is let go
LEAST_GROWTH = 0.1  # the exponent of Heaps' law; of texts of words it is 0.4 to 0.7
PROBED = 1_000_000  # characters of a longer text that tell how fast its different pieces grow
MOST_DIFFERENT = 1_000_000  # bytes of different pieces that merges are learned from
CHUNK_CHARACTERS, LONGEST_CHUNK = 16_384, 65_536  # of whole lines, cut by one thread at a time


def _as_hex(error: UnicodeError) -> tuple[str, int]:
    """Bytes that are no character show as what they are: `<0xC3>`; so do those of half a character,
    which a model may well put together and no text can hold: `<0xED><0xA0><0x80>`."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(f"<0x{byte:02X}>" for byte in error.object[error.start : error.end]), error.end


BYTES_AS_HEX = "minigpt.bytes_as_hex"
codecs.register_error(BYTES_AS_HEX, _as_hex)


def byte_characters() -> list[str]:
    """The visible character that stands for each byte inside Hugging Face's byte-level models.

    Printable Latin-1 bytes stand for themselves, the others follow from U+0100 on (GPT-2).
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


BYTE_CHARACTERS = byte_characters()
BYTE_OF = {character: byte for byte, character in enumerate(BYTE_CHARACTERS)}


def check_vocabulary(size: int) -> None:
    """Raises InputError when no tokenizer can have so many tokens."""
    if type(size) is not int or not MIN_VOCABULARY <= size <= MAX_VOCABULARY:
        raise InputError(
            f"a BPE vocabulary of {counted(size, 'token')} is not possible: choose a whole number "
            f"from {MIN_VOCABULARY} (3 special tokens, 256 bytes, one merge) to {MAX_VOCABULARY:,}"
        )


class BPETokenizer:
    """Text to ids of byte sequences, and back, by a list of merges.

    Ids 0, 1, 2 are `<pad>`, `<unk>`, `<eos>`; 256 bytes follow, then what each merge makes.
    `merges` pairs the ids that are joined, in the order of joining.
    """

    kind = "bpe"
    pad_id, unk_id, eos_id = range(3)
    learned_from: int | None = None  # characters; None of one that was not trained but loaded

    def __init__(self, merges: Iterable[tuple[int, int]]) -> None:
        self.merges = [(left, right) for left, right in merges]
        self.token_bytes = [name.encode() for name in SPECIAL_TOKENS]
        self.token_bytes += [bytes([byte]) for byte in range(256)]
        # What each merge makes: mostly a new token, now and then one that two ways lead to.
        self.made: list[int] = []
        id_of = {token: FIRST_BYTE + i for i, token in enumerate(self.token_bytes[FIRST_BYTE:])}
        for left, right in self.merges:
            if not (FIRST_BYTE <= left < self.vocab_size and FIRST_BYTE <= right < self.vocab_size):
                raise InputError(f"a merge joins the tokens {left} and {right}, before they exist")
            joined = self.token_bytes[left] + self.token_bytes[right]
            if len(joined) > MAX_BYTES:  # a file could double a token with every merge
                raise InputError(f"a token has {len(joined)} bytes: the most is {MAX_BYTES}")
            if joined not in id_of:
                id_of[joined] = self.vocab_size
                self.token_bytes.append(joined)
            self.made.append(id_of[joined])
        if self.vocab_size > MAX_VOCABULARY:
            raise InputError(
                f"the vocabulary has {self.vocab_size:,} tokens: the most is {MAX_VOCABULARY:,}"
            )
        self.tokens = [
            *SPECIAL_TOKENS,
            *(token.decode("utf-8", BYTES_AS_HEX) for token in self.token_bytes[FIRST_BYTE:]),
        ]

    @classmethod
    def train(cls, text: str, vocab_size: int = 1024) -> Self:
        """The tokenizer of the most frequent pairs in `text`; equal counts: the lower ids first.

        It has fewer tokens than `vocab_size` where no pair is left that occurs twice. It learns
        from the whole text, but from `learned_part` of a long one of ever new words. Raises
        InputError when the text is empty or has half a character in it, or the size is out of
        bounds.
        """
        from tokenizers import trainers

        if not text:
            raise InputError("the text is empty: bring one with at least two characters")
        check_vocabulary(vocab_size)
        engine = _engine([])
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size,
            min_frequency=MIN_COUNT,
            initial_alphabet=BYTE_CHARACTERS,
            special_tokens=list(SPECIAL_TOKENS),
            show_progress=False,
        )
        with whole_characters():
            text.encode()
        part = learned_part(text)
        engine.train_from_iterator(part, trainer)
        trained = cls(_as_ids(json.loads(engine.to_str())["model"]["merges"]))
        trained.learned_from = sum(map(len, part))
        return trained

    def first(self, merges: int) -> Self:
        """The tokenizer as it was after so many merges."""
        return type(self)(self.merges[:merges])

    def smaller(self, vocab_size: int) -> Self:
        """What training with a smaller vocabulary would have given: the same merges, fewer."""
        enough = [made >= vocab_size for made in self.made]
        return self.first(enough.index(True)) if True in enough else self

    @property
    def vocab_size(self) -> int:
        return len(self.token_bytes)

    @cached_property
    def engine(self) -> "Engine":
        """Hugging Face's tokenizer that does the same."""
        return _engine(self.merges, self.token_bytes)

    def encode(self, text: str) -> list[int]:
        """The ids of `text`, the earliest merges applied first."""
        return self.encode_array(text).tolist()

    def encode_array(self, text: str) -> np.ndarray:
        """The same as uint16 (n,), for whole texts. Raises InputError on half a character."""
        arrays, chunks = [np.empty(0, dtype=np.uint16)], _chunks(text)
        with whole_characters():
            text.encode()
        while some := list(_some(chunks)):  # a few at a time bounds the memory
            found = self.engine.encode_batch_fast(some, add_special_tokens=False)
            arrays += [np.array(encoding.ids, dtype=np.uint16) for encoding in found]
        return np.concatenate(arrays)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`, special tokens by name, bytes that are no character as `<0xC3>`.

        Raises InputError on a foreign id.
        """
        ids = list(ids)
        if ids and not 0 <= min(ids) <= max(ids) < self.vocab_size:
            raise InputError(f"token ids of this tokenizer run from 0 to {self.vocab_size - 1}")
        return b"".join([self.token_bytes[i] for i in ids]).decode("utf-8", BYTES_AS_HEX)

    def pieces(self, ids: Iterable[int]) -> Iterator[str]:
        """What each of `ids` adds to the text, as they come: nothing while a character is not yet
        complete, the whole character with its last byte."""
        decoder = codecs.getincrementaldecoder("utf-8")(BYTES_AS_HEX)
        held: str | None = None  # one behind, for the last may end in half a character
        for i in ids:
            if held is not None:
                yield held
            held = decoder.decode(self.token_bytes[i])
        if held is not None:
            yield held + decoder.decode(b"", final=True)

    def applied(self, ids: np.ndarray) -> np.ndarray:
        """How often each merge was applied while a text became `ids`, int64 (n,): (len(merges),).

        A token counts for the merge that made it and for those that made its parts, so one pass
        from the last merge to the first tells it all. Where two merges make one token, the first
        one has the count.
        """
        counts = np.bincount(ids, minlength=self.vocab_size)
        applied = np.zeros(len(self.merges), dtype=np.int64)
        first_to_make = {made: k for k, made in reversed([*enumerate(self.made)])}
        for k in range(len(self.merges) - 1, -1, -1):
            if first_to_make[self.made[k]] != k:
                continue
            left, right = self.merges[k]
            applied[k] = counts[self.made[k]]
            counts[left] += applied[k]
            counts[right] += applied[k]
        return applied

    def to_json(self) -> str:
        return json.dumps({"kind": self.kind, "merges": self.merges})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Inverse of `to_json`. Raises InputError unless it lists pairs of ids that exist."""
        merges = json.loads(text)["merges"]
        if not isinstance(merges, list) or len(merges) > 2 * MAX_VOCABULARY:
            raise InputError(f"a BPE tokenizer has at most {2 * MAX_VOCABULARY:,} merges")
        if not all(
            isinstance(pair, list) and len(pair) == 2 and all(type(i) is int for i in pair)
            for pair in merges
        ):
            raise InputError("a BPE tokenizer lists pairs of token ids")
        return cls(merges)


def learned_part(text: str) -> list[str]:
    """The text, in chunks, or evenly spaced ones of a text that has too many different pieces.

    The engine holds each different piece with all its pairs, about 130 bytes of memory for each of
    its bytes, however often it occurs. In a text of words they soon are the same again, but without
    spaces, or in Chinese, nearly every piece is new. How many there are is estimated from a part of
    the text by Heaps' law (1978), D(n) = k nᵝ.
    """
    chunks = list(_chunks(text))
    if len(text.encode()) <= MOST_DIFFERENT:
        return chunks
    share = min(1.0, PROBED / len(text))
    probed = _spaced(chunks, share)
    half, whole = _different(probed[::2]), _different(probed)
    growth = math.log2(max(2.0**LEAST_GROWTH, whole / half))
    return _spaced(chunks, share * (MOST_DIFFERENT / whole) ** (1 / growth))


def _spaced(chunks: list[str], share: float) -> list[str]:
    """That share of the chunks, evenly spaced: two at least, and at most all."""
    most = max(min(2, len(chunks)), min(len(chunks), round(share * len(chunks))))
    return [chunks[i] for i in np.linspace(0, len(chunks) - 1, most).round().astype(int)]


def _different(chunks: Iterable[str]) -> int:
    """Bytes of all different pieces."""
    seen: set[str] = set()
    for chunk in chunks:
        seen.update(piece for piece, _ in _pieces().pre_tokenize_str(chunk))
    return sum(len(piece.encode()) for piece in seen)


def _engine(merges: list[tuple[int, int]], token_bytes: list[bytes] | None = None) -> "Engine":
    """Hugging Face's tokenizer of these merges, with our ids."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    names = ["".join(BYTE_CHARACTERS[byte] for byte in token) for token in token_bytes or []]
    names[:FIRST_BYTE] = SPECIAL_TOKENS
    vocabulary = {name: i for i, name in enumerate(names)}
    pairs = [(names[left], names[right]) for left, right in merges]
    engine = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs))
    engine.pre_tokenizer = pre_tokenizers.Sequence(
        [
            _pieces(),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    engine.decoder = decoders.ByteLevel()
    return engine


def _as_ids(merges: Iterable[tuple[str, str]]) -> list[tuple[int, int]]:
    """Hugging Face's merges, pairs of byte characters, as pairs of our ids."""
    ids = {character: FIRST_BYTE + byte for character, byte in BYTE_OF.items()}
    pairs = []
    for left, right in merges:
        pairs.append((ids[left], ids[right]))
        ids.setdefault(left + right, FIRST_BYTE + len(ids))
    return pairs


def _chunks(text: str) -> Iterator[str]:
    """Parts of whole lines, each of CHUNK_CHARACTERS or some more; of a longer line whole pieces,
    for what the engine makes of a character takes a hundred bytes."""
    start = 0
    while start < len(text):
        most = start + LONGEST_CHUNK
        end = text.find("\n", start + CHUNK_CHARACTERS, most) + 1 or min(most, len(text))
        if end == most < len(text) and text[end - 1] != "\n":
            end = start + _last_start(text[start:end])
        yield text[start:end]
        start = end


def _some(chunks: Iterator[str]) -> Iterator[str]:
    """The next chunks, of AT_ONCE characters or some more together."""
    taken = 0
    while taken < AT_ONCE and (chunk := next(chunks, None)) is not None:
        taken += len(chunk)
        yield chunk


def _last_start(part: str) -> int:
    """Where in a part of a line the last piece begins that is the same, and leaves those before it
    the same, whatever stands on the other side."""
    starts = [start for _, (start, _) in _pieces().pre_tokenize_str(part)]
    for start in reversed(starts[1:]):
        before, first = part[start - 1 : start + 1]
        # The space before a word goes with the word, not with other space.
        if start < len(part) - 2 * LONGEST_PIECE and (not before.isspace() or before == first):
            return start
    return len(part)  # 64,000 characters of nothing but space of several kinds


@cache
def _pieces() -> "Splitter":
    from tokenizers import Regex, pre_tokenizers

    return pre_tokenizers.Split(Regex(PIECES), behavior="isolated")
