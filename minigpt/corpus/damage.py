"""Bytes that are no text in a file's encoding: found, shown where they stand, and read otherwise.

A stray byte must not have the whole file read in another encoding. So each such byte is decoded to
a mark of its own, a lone surrogate, which no text has; what becomes of the marks, a person says.
"""

import codecs
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from minigpt.corpus.statistics import code_points

DROP = "drop"  # in place of an encoding: such bytes are left out
FIRST_MARK = 0xDC00  # of byte 0
NUL = chr(FIRST_MARK)
MARKED = "minigpt.marked"
MARK = re.compile("[\udc00-\udcff]")
MARKS = re.compile("[\udc00-\udcff]+")
BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
LINE_END = re.compile(r"\r\n|\r|\n")
AT_ONCE = 1 << 18  # characters looked at in one go
EXCERPT_CHARACTERS = 70  # on either side of what is in doubt


def _mark(error: UnicodeError) -> tuple[str | bytes, int]:
    """Decoding, bad bytes become marks; encoding, marks become those bytes again."""
    found = error.object[error.start : error.end]
    if isinstance(error, UnicodeDecodeError):
        return "".join(chr(FIRST_MARK + byte) for byte in found), error.end
    if not MARKS.fullmatch(found):
        raise error
    return bytes(ord(mark) - FIRST_MARK for mark in found), error.end


codecs.register_error(MARKED, _mark)


@dataclass(frozen=True)
class Damage:
    """What of a file is no text in its encoding."""

    count: int  # bytes
    first: int  # the value of the first of them
    line: int  # in which it stands, from 1
    at_end: bool  # they are only the beginning of the file's last character
    read_as: str  # the encoding in which they were read, or DROP
    left_out: int  # how many of them have no character there either

    def __str__(self) -> str:
        if self.at_end:
            last = "byte" if self.count == 1 else f"{self.count} bytes"
            return f"its last {last}, the beginning of a character that is cut off"
        if self.count == 1:
            return f"1 byte, 0x{self.first:02X} in line {self.line:,}"
        return f"{self.count:,} bytes, the first of them 0x{self.first:02X} in line {self.line:,}"


def decode(data: bytes, encoding: str) -> str:
    """`data` as text in which each byte that is none stands as a mark; NUL too, in any encoding.

    >>> [hex(ord(c)) for c in decode(b"it\\x92s", "utf-8")]
    ['0x69', '0x74', '0xdc92', '0x73']
    """
    return data.decode(encoding, MARKED).replace("\0", NUL)


def is_cut_off(data: bytes, encoding: str) -> bool:
    """Whether all that is no text is the beginning of a last character."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        decoder.decode(data)
    except UnicodeError:
        return False
    return len(decoder.getstate()[0]) > 0


def describe(marked: str, read_as: str, *, at_end: bool = False) -> tuple[str, Damage]:
    """The text with its marks read in the encoding `read_as`, or left out, and what they were."""
    run = MARKS.search(marked)
    text, left_out = MARK.subn("", mended(marked, read_as))
    return text, Damage(
        count=count(marked),
        first=ord(run.group()[0]) - FIRST_MARK,
        line=line_of(marked, run.start()),
        at_end=at_end,
        read_as=read_as,
        left_out=left_out,
    )


def count(marked: str) -> int:
    """How many marks there are."""
    return sum(map(len, MARKS.findall(marked)))


def beyond_ascii(text: str) -> int:
    """How many of its characters are beyond ASCII, marks among them."""
    return sum(int(np.count_nonzero(points > 127)) for points in _points(text))


def _points(text: str) -> Iterator[np.ndarray]:
    """The code points of a text, a part at a time: uint32 (n,)."""
    return (code_points(text[start : start + AT_ONCE]) for start in range(0, len(text), AT_ONCE))


def mended(marked: str, read_as: str) -> str:
    """The text with its marks read in another encoding; those that it has no character for stay.

    In a stretch beyond ASCII of which most is marked, all is read so: by chance some bytes of
    another encoding are valid together.

    >>> mended(decode(b"it\\x92s na\\xc3\\xafve", "utf-8"), "cp1252")
    'it’s naïve'
    """
    if read_as == DROP:
        return marked

    parts, at = [], 0
    while mark := MARK.search(marked, at):
        start = mark.start()
        while start > at and marked[start - 1] > "\x7f":
            start -= 1
        end = BEYOND_ASCII.match(marked, start).end()
        stretch = marked[start:end]
        if 2 * count(stretch) > len(stretch):
            stretch = decode(_bytes(stretch), read_as)
        else:
            stretch = MARKS.sub(lambda run: decode(_bytes(run.group()), read_as), stretch)
        parts += [marked[at:start], stretch]
        at = end
    return "".join([*parts, marked[at:]])


def _bytes(stretch: str) -> bytes:
    """The bytes that a stretch of text and marks was read from."""
    return stretch.encode("utf-8", MARKED)


def damaged_bytes(marked: str, most: int) -> bytes:
    """The lines with marks, up to `most` bytes of them, without what is valid beyond ASCII."""
    kept = bytearray()
    for line in marked.splitlines(keepends=True):
        if MARK.search(line):
            kept += _bytes("".join(c for c in line if c < "\x80" or "\udc00" < c <= "\udcff"))
            if len(kept) > most:
                break
    return bytes(kept[:most])


def line_of(text: str, at: int) -> int:
    """The number, from 1, of the line in which a character stands."""
    ends = text.count("\n", 0, at) + text.count("\r", 0, at) - text.count("\r\n", 0, at)
    return ends + 1


def excerpts(marked: str, most: int = 6) -> list[tuple[int, str]]:
    """Passages, one of a line, each with its number, that tell whether a text is read rightly.

    They are those around the marks, or, in a text without any, around what is beyond ASCII: the
    first, the middle and the last, and the rarest, for a misread passage has characters that the
    others have not.
    """
    wanted = _telling(marked, most)
    if not wanted:
        return [(1, marked[: 2 * EXCERPT_CHARACTERS])]
    chosen: dict[int, list[tuple[int, int]]] = {}  # of each line, the parts to show
    for at in sorted(wanted[:most]):
        parts = chosen.setdefault(line_of(marked, at), [])
        start, end = _around(marked, at)
        if parts and start <= parts[-1][1]:
            start, _ = parts.pop()
        parts.append((start, end))
    return [
        (line, " … ".join(marked[start:end] for start, end in parts))
        for line, parts in chosen.items()
    ]


def _telling(marked: str, most: int) -> list[int]:
    """The places of the first, the last and the middle mark, or character beyond ASCII where there
    is none, and of the first of each of the rarest."""
    is_mark = MARK.search(marked) is not None
    found: list[np.ndarray] = []  # of each part, the places in it
    counts = np.zeros(sys.maxunicode + 1, dtype=np.int64)
    for part, points in enumerate(_points(marked)):
        places = np.flatnonzero(points >> 8 == FIRST_MARK >> 8 if is_mark else points > 127)
        np.add.at(counts, points[places], 1)
        found.append((places + part * AT_ONCE).astype(np.uint32))
    places = np.concatenate([np.empty(0, np.uint32), *found])
    if not len(places):
        return []
    kinds = np.flatnonzero(counts)
    rarest = kinds[np.argsort(counts[kinds], kind="stable")[:most]].tolist()
    first = [marked.index(chr(kind)) for kind in rarest]
    return [*places[[0, -1, len(places) // 2]].tolist(), *first]


def _around(text: str, at: int) -> tuple[int, int]:
    """The line in which a character stands, or the part of a long one around it."""
    start = max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1
    end = LINE_END.search(text, at)
    end = end.start() if end else len(text)
    return max(start, at - EXCERPT_CHARACTERS), min(end, at + EXCERPT_CHARACTERS)


def shown(marked: str) -> str:
    """A passage with its marks as what they are: `<0x92>`."""
    return MARK.sub(lambda mark: f"<0x{ord(mark.group()) - FIRST_MARK:02X}>", marked)
