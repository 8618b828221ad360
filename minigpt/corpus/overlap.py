"""What of a text stands word for word in the training text, and whether that is much.

Every text shares short passages with another in the same language. So what counts as long is
measured on held-out text, which nobody can have copied, and beside a copied share stand that of
held-out text and that of a text by a model that only counts.
"""

import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

import numpy as np

from minigpt.corpus.baselines import counted_text
from minigpt.corpus.batches import trained_on
from minigpt.corpus.statistics import code_points
from minigpt.counting import counted

MOST_PLACES = 100  # of a passage that are told: "a" may stand at millions
AT_ONCE = 1 << 20  # characters numbered in one go
BLOCK = 32  # characters compared at once, at first
RARE = 0.01  # of held-out text's passages are as long as what counts as copied
# Of so many, the longest is beyond the 99th percentile with a chance of 95 %: 1 - 0.99²⁹⁹ (Wilks
# 1941).
LEAST_PASSAGES = 299
SAMPLE, STRETCH = 100_000, 5_000  # characters of a text that is compared with, in stretches
LEAST_PIECES = 8  # of fewer, a range would say little, and look as if it said much


class Passage(NamedTuple):
    """`written[start:end]`, and where it stands in the text: so often, the first places of them."""

    start: int
    end: int
    places: list[int]  # offsets in characters, ascending, at most MOST_PLACES
    count: int


class Index:
    """A text whose every passage is found fast: its suffix array (Manber & Myers 1993).

    All is in characters (code points), so no passage begins or ends within one. It holds the text
    and four bytes a character.
    """

    def __init__(self, text: str, suffixes: np.ndarray | None = None) -> None:
        self.text = text
        self.suffixes = _suffix_array(text) if suffixes is None else suffixes  # int32 (n,)
        self._suffixes = memoryview(self.suffixes)  # whose items are ints: fast to bisect

    def longest(self, written: str) -> np.ndarray:
        """The length of the longest match in the text that begins at each character: int64 (n,).

        Where a match ends never moves back from one character to the next. So between two
        characters whose matches end at one place all others do too, and are not looked up.
        """
        n = len(written)
        ends = np.empty(n, dtype=np.int64)
        for at in {0, n - 1} if n else ():
            ends[at] = at + self._match(written, at)
        between = [(0, n - 1)]
        while between:
            first, last = between.pop()
            if last - first < 2:
                continue
            if ends[first] == ends[last]:
                ends[first:last] = ends[first]
                continue
            middle = (first + last) // 2
            ends[middle] = middle + self._match(written, middle)
            between += [(first, middle), (middle, last)]
        return ends - np.arange(n)

    def places(self, passage: str) -> tuple[list[int], int]:
        """Where a passage stands, the first MOST_PLACES of all in order, and how often."""
        low, high = self._range(passage, 0, 0, len(self._suffixes))
        places, count = np.asarray(self._suffixes[low:high]), high - low
        if count > MOST_PLACES:
            places = np.partition(places, MOST_PLACES)[:MOST_PLACES]
        return np.sort(places).tolist(), count

    def _match(self, written: str, at: int) -> int:
        """How many characters from `at` on stand somewhere in the text.

        Of all suffixes, the two between which the rest of `written` would be sorted in share most
        with it. That is asked block by block, each twice as long, among those that share all
        before.
        """
        length, size, low, high = 0, BLOCK, 0, len(self._suffixes)
        while True:
            block = written[at + length : at + length + size]
            first, after = self._range(block, length, low, high)
            if first < after and len(block) == size:
                low, high, length, size = first, after, length + size, 2 * size
                continue
            near = [place for place in (first - 1, first) if low <= place < high]
            starts = [self._suffixes[place] + length for place in near]
            return length + max(
                (_shared(block, self.text[start : start + size]) for start in starts), default=0
            )

    def _range(self, block: str, skipped: int, low: int, high: int) -> tuple[int, int]:
        """Which of the suffixes from `low` to `high`, alike in the characters skipped, go on with a
        block."""
        text, begins, ends = self.text, skipped, skipped + len(block)

        def goes_on(suffix: int) -> str:
            return text[suffix + begins : suffix + ends]

        first = bisect_left(self._suffixes, block, low, high, key=goes_on)
        if first == high or goes_on(self._suffixes[first]) != block:
            return first, first
        return first, bisect_right(self._suffixes, block, first, high, key=goes_on)


def _suffix_array(text: str) -> np.ndarray:
    """Where each suffix begins, in the order of code points: int32 (n,)."""
    if not text:
        return np.empty(0, dtype=np.int32)
    from pydivsufsort import divsufsort  # takes a tenth of a second

    used = np.zeros(sys.maxunicode + 1, dtype=bool)
    for points in _points(text):
        used[points] = True
    # Characters numbered without gaps are mostly few enough for a byte, which sorts fastest.
    number = np.cumsum(used, dtype=np.uint32) - 1
    kind = next(
        kind for kind in (np.uint8, np.uint16, np.uint32) if number[-1] <= np.iinfo(kind).max
    )
    number, numbers, start = number.astype(kind), np.empty(len(text), dtype=kind), 0
    for points in _points(text):
        numbers[start : start + len(points)] = number[points]
        start += len(points)
    found = divsufsort(numbers)
    return found.view(f"i{found.itemsize}")  # the same, called so that memoryview reads it


def _points(text: str) -> Iterator[np.ndarray]:
    """The code points of a text, a part at a time: uint32 (n,)."""
    return (code_points(text[start : start + AT_ONCE]) for start in range(0, len(text), AT_ONCE))


def _shared(a: str, b: str) -> int:
    """How many characters two texts have in common from their beginning.

    >>> _shared("harbour", "harvest")
    3
    """
    most = min(len(a), len(b))
    return bisect_left(range(most), True, key=lambda n: a[: n + 1] != b[: n + 1])


def passages(written: str, text: str | Index, least: int) -> list[Passage]:
    """The maximal passages of at least so many characters that stand verbatim in a text, in order.

    Maximal: none is part of a longer one; they may overlap. These are the spans of OLMoTrace (Liu
    et al. 2025), but in characters, not in whole words within one sentence; and where OLMoTrace
    keeps those of the least likely words, as many as a twentieth of the text's tokens,
    `measured_least` asks how long they are in text that was not copied.
    """
    index = text if isinstance(text, Index) else Index(text)
    return _passages(written, index, index.longest(written), least)


def _passages(written: str, index: Index, longest: np.ndarray, least: int) -> list[Passage]:
    starts = [start for start in _maximal(longest).tolist() if longest[start] >= least]
    spans = [(start, start + int(longest[start])) for start in starts]
    return [Passage(start, end, *index.places(written[start:end])) for start, end in spans]


def _maximal(longest: np.ndarray) -> np.ndarray:
    """Where the matches begin that are no part of a longer one: of `longest`, (n,), the indices."""
    ends = np.arange(len(longest)) + longest
    return np.flatnonzero((longest > 0) & (np.diff(ends, prepend=0) > 0))


def copied_share(written: str, index: Index, least: int) -> float:
    """The share of characters inside a passage of at least so many, 0 to 1; 0 of an empty text."""
    return float(_share(index.longest(written), least)) if written else 0.0


def _share(longest: np.ndarray, least: int) -> np.ndarray:
    """The same out of the longest matches, (..., n), which end with each text: (...)."""
    at = np.arange(longest.shape[-1])
    ends = np.maximum.accumulate(np.where(longest >= least, at + longest, 0), axis=-1)
    return (ends > at).mean(axis=-1)


def measured_least(index: Index, held_out: str) -> int | None:
    """From how many characters on a passage is longer than what texts share without copying.

    It is one more than the 99th percentile of the lengths of held-out text's maximal passages: at
    most one of a hundred is so long. Each passage counts once, at its beginning; the shorter
    matches that begin within it and end with it are no passages of their own. Of a long text
    100,000 characters are read, in 20 stretches evenly spaced. None where there are fewer than 299
    passages: the longest of so few may well be no rare one.
    """
    return _least([index.longest(stretch) for stretch in _stretches(held_out)])


def _stretches(text: str) -> list[str]:
    """A text, or evenly spaced stretches of a long one."""
    if len(text) <= SAMPLE:
        return [text]
    starts = np.linspace(0, len(text) - STRETCH, SAMPLE // STRETCH).round().astype(int)
    return [text[start : start + STRETCH] for start in starts.tolist()]


def _least(matches: Sequence[np.ndarray]) -> int | None:
    lengths = np.concatenate([found[_maximal(found)] for found in matches])
    if len(lengths) < LEAST_PASSAGES:
        return None
    return int(np.sort(lengths)[::-1][int(RARE * len(lengths))]) + 1


class Spread(NamedTuple):
    """The copied share in pieces of a text: their mean, and where the middle 90 % of them are."""

    mean: float
    low: float
    high: float
    pieces: int
    characters: int  # of each


@dataclass(frozen=True)
class Copied:
    """What of a text stands in the training text, and what stands beside it to compare.

    `held_out_share` and `trigram_share` are of pieces as long as what was written (at most 5,000
    characters), for in a short one less can be copied. By its definition at most a hundredth of
    held-out text's passages count. What cannot be told is None, and `unclear` says why.
    """

    longest: int  # characters of the longest match, whether it counts or not
    passages: list[Passage]
    least: int | None  # characters from which on a passage counts
    share: float | None
    held_out_share: Spread | None
    trigram_share: Spread | None
    unclear: str | None

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Inverse of `asdict`, also where tuples have become lists."""
        spreads = ("held_out_share", "trigram_share")
        shares = {name: plain[name] and Spread(*plain[name]) for name in spreads}
        return cls(**{**plain, "passages": [Passage(*one) for one in plain["passages"]], **shares})


class Tokenizer(Protocol):
    kind: str
    vocab_size: int

    def encode_array(self, text: str) -> np.ndarray: ...
    def decode(self, ids: Sequence[int]) -> str: ...


class Source:
    """The training text of a run, and what copying from it is measured by. Made once a text.

    `trigrams` is what a model that only counts has written after the training text.
    """

    def __init__(self, train: str, held_out: str, trigrams: str) -> None:
        index = Index(train)
        matches = (
            [index.longest(stretch) for stretch in _stretches(text)]
            for text in (held_out, trigrams)
        )
        self._set(index, held_out, *matches)

    def _set(
        self,
        index: Index,
        held_out: str,
        held_out_matches: list[np.ndarray],
        trigram_matches: list[np.ndarray],
    ) -> None:
        self.index, self.held_out = index, held_out
        self._held_out, self._trigrams = held_out_matches, trigram_matches
        self.least = _least(held_out_matches)

    @classmethod
    def of(cls, text: str, tokenizer: Tokenizer, val_fraction: float, seed: int = 0) -> Self:
        """The source of a run: its text, its tokenizer, and the share it keeps to validate on."""
        ids = tokenizer.encode_array(text)
        ids = ids[: trained_on(len(ids), val_fraction)]
        cut = _characters(text, ids, tokenizer)
        tokens = -(-min(len(text), SAMPLE) * len(ids) // max(1, cut))
        written = counted_text(ids, tokens, tokenizer.vocab_size, seed)
        return cls(text[:cut], text[cut:], tokenizer.decode(written.tolist()))

    def packed(self) -> dict[str, Any]:
        """All but the text, in numbers and arrays."""
        return {
            "cut": len(self.index.text),
            "suffixes": self.index.suffixes,
            "held_out": self._held_out,
            "trigrams": self._trigrams,
        }

    @classmethod
    def unpacked(cls, text: str, parts: Mapping[str, Any]) -> Self:
        """Inverse of `packed`, with the text it was made of."""
        source, cut = cls.__new__(cls), parts["cut"]
        index = Index(text[:cut], parts["suffixes"])
        source._set(index, text[cut:], parts["held_out"], parts["trigrams"])
        return source

    def trace(self, written: str) -> Copied:
        """What of `written` stands in the training text."""
        longest = self.index.longest(written)
        most, least = int(longest.max(initial=0)), self.least
        if unclear := self._unclear(written):
            return Copied(most, [], least, None, None, None, unclear)
        n = min(len(written), STRETCH)
        beside = _spread(self._held_out, n, least), _spread(self._trigrams, n, least)
        few = None in beside and (
            f"There is too little text to compare with: a range takes at least {LEAST_PIECES} "
            f"pieces of {counted(n, 'character')}."
        )
        found = _passages(written, self.index, longest, least)
        return Copied(most, found, least, float(_share(longest, least)), *beside, few or None)

    def _unclear(self, written: str) -> str | None:
        """Why nothing can be told of a text."""
        if not written:
            return "Nothing is written yet."
        if not self.held_out:
            return (
                "This run keeps no text to validate on: how long a passage may be without being "
                "copied cannot be measured."
            )
        if self.least is None:
            return (
                f"The text kept to validate on has {counted(len(self.held_out), 'character')}, and "
                f"fewer than {LEAST_PASSAGES} passages that stand in the training text: too few to "
                "measure how long one may be without being copied. It is too short, or repeats "
                "the training text at length."
            )
        if len(written) < self.least:
            return (
                f"What was written has {counted(len(written), 'character')}, and a passage counts "
                f"as copied from {self.least:,} on: a longer text can tell."
            )
        return None


def _characters(text: str, ids: np.ndarray, tokenizer: Tokenizer) -> int:
    """How many whole characters of a text its first tokens hold: BPE may cut within one, which then
    is not trained on as one."""
    if tokenizer.kind == "char":
        return len(ids)
    sizes = np.array([len(token) for token in tokenizer.token_bytes])
    held = text.encode("utf-8", "surrogatepass")[: int(sizes[ids].sum())]
    return len(held.decode("utf-8", "ignore"))


def _spread(matches: Sequence[np.ndarray], n: int, least: int) -> Spread | None:
    """The copied shares of pieces of n characters, out of the longest matches in a text's
    stretches; None where there are too few pieces."""
    shares = []
    for found in matches:
        pieces = found[: len(found) // n * n].reshape(-1, n)
        # A match that runs on behind its piece ends with it.
        shares.append(_share(np.minimum(pieces, np.arange(n, 0, -1)), least))
    shares = np.concatenate(shares)
    if len(shares) < LEAST_PIECES:
        return None
    low, high = np.quantile(shares, (0.05, 0.95))
    return Spread(float(shares.mean()), float(low), float(high), len(shares), n)
