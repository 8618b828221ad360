"""What the store holds, as plain records."""

import unicodedata
from dataclasses import dataclass

import numpy as np

from minigpt.config import GPTConfig, TrainConfig
from minigpt.store.states import ACTIVE, ON_ITS_WAY, State, Wish

EVERYONE = "everyone"  # the workspace whose runs every visitor sees and only its owner controls
LIBRARY_SHELF = "library"  # the workspace whose texts everybody sees
DEMO_PREFIX = "demo"  # of the ids of runs that come with the app; other ids are hexadecimal
MAX_NAME = 80  # characters
UNSEEN = ("Cc", "Cf", "Zl", "Zp", "Zs")
JOINERS = "\u200c\u200d"  # without a glyph, but they make letters and emoji what they are


def as_name(words: str) -> str:
    """Somebody's words as the name of a text or a run: one line that can be stored and shown, at
    most MAX_NAME long, perhaps empty.

    >>> as_name("two\\nlines \x1b[31m and \ud800 half")
    'two lines [31m and � half'
    """
    whole = words.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    # Cc and Cf steer what shows them; Zl, Zp and Zs are line ends and spaces of all kinds.
    kept = (c if c in JOINERS or unicodedata.category(c) not in UNSEEN else " " for c in whole)
    return " ".join("".join(kept).split())[:MAX_NAME].rstrip()


@dataclass(frozen=True)
class Text:
    """A text on a workspace's shelf, without its body."""

    id: str
    name: str
    characters: int
    origin: str = ""  # JSON of the world that wrote it, for worlds.load


@dataclass(frozen=True)
class Run:
    """What is known of a run besides its numbers and weights."""

    id: str
    workspace: str
    name: str
    text_id: str | None
    tokenizer: str  # JSON, for tokenizers.load
    model: GPTConfig
    train: TrainConfig
    state: State
    wish: Wish
    step: int
    reason: str
    created_at: float
    queued_at: float  # since when it waits for its turn, or last waited
    viewed_at: float  # when somebody last looked at it
    pause_at: int | None  # the step at which it will pause by itself
    imported: bool  # came from a file, without what its optimizer knew
    characters_per_token: float  # of the text it validates on

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def standing(self) -> str:
        """Its state in a word; of a run that has not yet done what was asked of it, that it does:
        what is told of a run and what can be asked of it come from here, so that they agree."""
        obeyed = not self.active or self.wish in (self.state, "running")
        return self.state if obeyed else ON_ITS_WAY[self.wish]

    @property
    def incomplete(self) -> str:
        """What a run that came as a file lacks to train on, as the beginning of a sentence."""
        lacks = ["its text"] if self.text_id is None else []
        lacks += ["what its optimizer knew"] if self.imported else []
        return f"this run came as a file, without {' or '.join(lacks)}" if lacks else ""

    @property
    def bundled(self) -> bool:
        """Whether it came with the app: it belongs to everybody, and stays."""
        return self.id.startswith(DEMO_PREFIX)


@dataclass(frozen=True)
class Curves:
    """A run's metrics as columns of shape (n,); `val_loss` and `accuracy` are NaN where they were
    not measured."""

    step: np.ndarray
    tokens: np.ndarray
    train_loss: np.ndarray
    val_loss: np.ndarray
    lr: np.ndarray
    grad_norm: np.ndarray
    seconds: np.ndarray
    accuracy: np.ndarray
