"""How a token, or any text, is shown, so that all of it is seen and taken for nothing else."""

import re
import unicodedata
from itertools import accumulate, takewhile

STAND_INS = {" ": "·", "\n": "⏎", "\t": "⇥"}
# Columns of a token where it is only shown: the longest word of a text that is one token has 33
# letters, and a token in a file may take 2,048.
WIDEST = 33
# Printable by their category, and yet nothing to see: fillers, and what only chooses a variant of
# the character before it (Unicode's Default_Ignorable_Code_Point, and the blank of braille).
UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)


def visible(token: str) -> str:
    """A token as it is shown everywhere: `·` for a space, `⏎` for a newline, `⇥` for a tab, a
    dotted circle under a mark that combines, `<U+200F>` for what has no glyph of its own, and for
    what would be taken for one of these signs.

    >>> visible("a b"), visible("\\u202e"), visible("\\u0301"), visible("·")
    ('a·b', '<U+202E>', '◌\u0301', '<U+00B7>')
    """
    shown = "".join(_sign(token, i) for i in range(len(token)))
    if shown and unicodedata.category(shown[0]).startswith("M"):
        return f"◌{shown}"
    return shown or "∅"


def _sign(token: str, i: int) -> str:
    """What stands for the i-th character of a token."""
    character, before = token[i], token[i - 1 : i]
    if character in STAND_INS:
        return STAND_INS[character]
    if character in STAND_INS.values():
        return _code(character)
    if character in "\u200c\u200d" and 0 < i < len(token) - 1:
        return character  # it joins two others, or keeps them apart: that is seen
    if character in "\ufe0e\ufe0f" and before and unicodedata.category(before)[0] == "S":
        return character  # it makes an emoji of the symbol before it, or a plain symbol
    seen = character.isprintable() and not UNSEEN.match(character)
    return character if seen else _code(character)


def brief(token: str, most: int = WIDEST) -> str:
    """A token, visible, as it is shown where it could make a page too wide.

    >>> brief("\\n"), brief("z" * 256)
    ('⏎', 'zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz…')
    """
    return shortened(visible(token), most)


def columns(label: str) -> int:
    """How wide a label is in letters of one width; those of Chinese and Japanese count for two."""
    return sum(map(_columns, label))


def _columns(character: str) -> int:
    return 1 + (unicodedata.east_asian_width(character) in "WF")


def shortened(label: str, most: int = WIDEST) -> str:
    """A label cut to so many columns, with `…` where something is left out.

    >>> shortened("antidisestablishment", 10), shortened("·the", 10)
    ('antidises…', '·the')
    """
    if columns(label) <= most:
        return label
    ends = accumulate(map(_columns, label))
    return f"{label[: sum(1 for end in takewhile(lambda end: end < most, ends))]}…"


def _code(character: str) -> str:
    return f"<U+{ord(character):04X}>"


def legible(text: str) -> str:
    """Text to be read as text, with `<U+202E>` for what would turn its direction, break its lines
    where no newline is, or not be there at all; spaces, newlines and joiners stay.

    >>> legible("one\\r\\n two\\u202e")
    'one<U+000D>\\n two<U+202E>'
    """
    return "".join(
        c
        if c.isprintable() or c in "\n\t\u200c\u200d" or unicodedata.category(c) == "Zs"
        else _code(c)
        for c in text
    )
