"""A piece of a text that lies in a file in UTF-8, found by its characters."""

from typing import Protocol

AT_ONCE = 1 << 16  # bytes
LATER = bytes(range(0x80, 0xC0))  # the bytes of a character behind its first


class Body(Protocol):
    """What can be read from any byte on: a blob of SQLite, or a file of bytes."""

    def read(self, length: int) -> bytes: ...
    def seek(self, offset: int) -> object: ...


def passage(body: Body, size: int, characters: int, start: int, end: int) -> str:
    """The characters from `start` to `end` of a text of so many bytes and characters.

    >>> import io
    >>> passage(io.BytesIO("the piñata".encode()), 11, 10, 4, 8)
    'piña'
    """
    start, end = min(max(0, start), characters), min(end, characters)
    # How many characters begin before which byte; of plain ASCII that is known.
    before = at = start if size == characters else 0
    while before < start:
        part = body.read(AT_ONCE)
        begun = len(part.translate(None, LATER))
        if not part or before + begun > start:
            break
        before, at = before + begun, at + len(part)
    body.seek(at)
    # A character that began before is left out, and so is one that ends behind.
    found = body.read(4 * max(0, end - before) + 3).decode(errors="ignore")
    return found[start - before : max(0, end - before)]
