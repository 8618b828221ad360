"""Words as several pages say them: sentences, somebody's own words, tokens, lengths of time."""

import math
import re
from collections import Counter
from collections.abc import Sequence

from minigpt.config import SettingError
from minigpt.store import Run
from minigpt.ui.glossary import NAMES


def says(error: object) -> str:
    """An error's words for a place that reads markdown, settings called as their fields are."""
    return plain(error.called(NAMES) if isinstance(error, SettingError) else str(error))


def sentence(error: object) -> str:
    """The same as a sentence; a file's name in front stays as it is."""
    words = says(error)
    first = words.split(maxsplit=1)[0]
    return f"{words[0].upper() if first.isalpha() else words[0]}{words[1:]}."


# What markdown marks up, anywhere and at the start of a line: a backslash before it is enough.
MARKS = re.compile(r"[\\`*_\[\]$~<>#|]|&(?=#?\w)|^[-+=]|(?<=^\d)[.)]|(?<=^\d\d)[.)]")
# What becomes an address, an emoji, an icon or an arrow once markdown was read and all backslashes
# are gone: a joiner that has no width and no glyph parts it.
PARTED = re.compile(r"(:(?=[\w+/-])|@(?=[-\w])|www(?=\.)|(?<!\S)[-<>~](?=[-<>=]+(?!\S)))", re.I)
JOINER = "\u2060"


def plain(text: str) -> str:
    """Somebody's words for a place that reads markdown: nothing in them is a link, a picture, an
    icon or a formula."""
    return MARKS.sub(r"\\\g<0>", PARTED.sub(rf"\1{JOINER}", text))


def boxed(token: str) -> str:
    """A token, made visible, as a chip in a place that reads markdown."""
    fence = "`" * (1 + max(map(len, re.findall("`+", token)), default=0))
    pad = " " * (token[:1] == "`" or token[-1:] == "`")
    return f"{fence}{pad}{token}{pad}{fence}"


def distinct(labels: Sequence[str], numbers: Sequence[int]) -> list[str]:
    """Choices of a list, those that look the same told apart by their numbers: what a browser
    answers is what stands there.

    >>> distinct(["zz…", "a", "zz…"], [0, 1, 2])
    ['zz… (0)', 'a', 'zz… (2)']
    """
    times = Counter(labels)
    return [
        f"{label} ({number})" if times[label] > 1 else label
        for label, number in zip(labels, numbers, strict=True)
    ]


def clock(seconds: float) -> str:
    """A length of time: 0:04, 12:30, 1:05:00."""
    minutes, seconds = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def rough(seconds: float) -> str:
    """A length of time that is only estimated, no closer than it is known.

    >>> [rough(seconds) for seconds in (0.3, 7.2, 43, 161, 800, 6000)]
    ['1 s', '7 s', '45 s', '2.5 min', '15 min', '1.5 h']
    """
    size, unit = (3_600, "h") if seconds >= 5_400 else (60, "min") if seconds >= 90 else (1, "s")
    number = max(1, seconds / size)
    to = 5 if number >= 10 else 0.5 if number < 3 and unit != "s" else 1
    return f"{to * round(number / to):g} {unit}"


def file_name(run: Run) -> str:
    """A run's name as the start of a file's."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in run.name) or "run"
