"""Texts that come with minigpt."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

ASSETS = Path(__file__).resolve().parents[2] / "assets"


@dataclass(frozen=True)
class LibraryText:
    """A text to learn from, with what one learns from it and whose it is."""

    title: str
    path: Path
    about: str
    licence: str

    def read(self) -> str:
        return self.path.read_text(encoding="utf-8")


LIBRARY: Mapping[str, LibraryText] = MappingProxyType(
    {
        "tales": LibraryText(
            title="Harbour tales",
            path=ASSETS / "tales.txt",
            about=(
                "Short tales from one village, with the same people, places and turns of phrase, "
                "so that even a tiny model soon writes words, names and dialogue."
            ),
            licence="Written for minigpt, under the project's own licence.",
        ),
    }
)
