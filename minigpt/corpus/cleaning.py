"""Clean-ups a person may switch on: each is one pure function, text to text."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

# Project Gutenberg's own words stand around the book, between these two lines.
GUTENBERG_START = re.compile(r"^.*\*\*\* ?START OF (?:THE|THIS) PROJECT GUTENBERG.*$", re.M | re.I)
GUTENBERG_END = re.compile(
    r"^.*(?:\*\*\* ?END OF (?:THE|THIS) PROJECT GUTENBERG|"
    r"End of (?:the |this )?Project Gutenberg's ).*$",
    re.M | re.I,
)


def normalise_line_ends(text: str) -> str:
    """
    >>> normalise_line_ends("one\\r\\ntwo\\rthree\\n")
    'one\\ntwo\\nthree\\n'
    """
    return text.replace("\r\n", "\n").replace("\r", "\n")


def compose(text: str) -> str:
    """
    >>> len("u\\u0308ber"), len(compose("u\\u0308ber"))
    (5, 4)
    """
    return unicodedata.normalize("NFC", text)


def collapse_blank_lines(text: str) -> str:
    """
    >>> collapse_blank_lines("one\\n\\n \\n\\ntwo")
    'one\\n\\ntwo'
    """
    # The line end before and the run of blank lines; possessive, so that spaces cannot make it slow
    return re.sub(r"(\r?\n)(?:[^\S\n]*+\n){2,}", r"\1\1", text)


def drop_gutenberg(text: str) -> str:
    """The book alone, without Project Gutenberg's header and footer; unmarked text as it is."""
    start, end = GUTENBERG_START.search(text), GUTENBERG_END.search(text)
    begin = start.end() if start else 0
    stop = end.start() if end and end.start() >= begin else len(text)
    return text[begin:stop].strip() + "\n" if start or end else text


@dataclass(frozen=True)
class Cleaning:
    """One clean-up: its name on a switch, and what it does in a sentence."""

    title: str
    about: str
    apply: Callable[[str], str]


CLEANINGS: Mapping[str, Cleaning] = MappingProxyType(
    {
        "gutenberg": Cleaning(
            "Drop Project Gutenberg's header and footer",
            "Their licence and credits stand around every book; a model would learn them too.",
            drop_gutenberg,
        ),
        "line-ends": Cleaning(
            "Make all line ends alike",
            "Windows ends lines with two characters; with this, each is one newline.",
            normalise_line_ends,
        ),
        "one-form": Cleaning(
            "Write each letter in one form",
            "A letter like ü can be one character, or a u and two dots behind it: the same to the "
            "eye, and another to a model. With this, each is one character (Unicode's NFC).",
            compose,
        ),
        "blank-lines": Cleaning(
            "Collapse blank lines",
            "Several blank lines in a row become one.",
            collapse_blank_lines,
        ),
        "lower-case": Cleaning(
            "Lower-case everything",
            "Fewer different characters, so a tiny model learns sooner; names lose their capitals.",
            str.lower,
        ),
    }
)


def clean(text: str, names: list[str]) -> str:
    """`text` after the named clean-ups, in the order of CLEANINGS."""
    for name, cleaning in CLEANINGS.items():
        if name in names:
            text = cleaning.apply(text)
    return text
