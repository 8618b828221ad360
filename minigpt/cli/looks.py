"""What a look inside a run is given, and what it tells."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from minigpt.store import Run, Store
from minigpt.tokenizers import Tokenizer

if TYPE_CHECKING:
    from minigpt.model import GPT


@dataclass(frozen=True)
class Reading:
    """A run's model, and what of a prompt it reads."""

    store: Store
    run: Run
    model: "GPT"
    tokenizer: Tokenizer
    ids: list[int]

    @property
    def tokens(self) -> list[str]:
        return [self.tokenizer.tokens[i] for i in self.ids]


@dataclass(frozen=True)
class Look:
    """What was seen: for machines, and, where a file is asked for, as a picture or as numbers."""

    told: dict[str, Any]
    title: str
    svg: Callable[[str], str]  # of the title
    csv: Callable[[], str]
