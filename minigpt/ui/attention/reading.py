"""What the model made of the text whose attention is looked at."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from minigpt import plots
from minigpt.counting import counted
from minigpt.store import Run
from minigpt.ui import looking, services
from minigpt.ui.looking import Look
from minigpt.ui.visit import Visit

if TYPE_CHECKING:
    import torch

    from minigpt.model import GPT


@dataclass(frozen=True)
class View(Look):
    """The attention of one model over one text, of which the newest N of T tokens are shown."""

    patterns: np.ndarray  # (n_layer, n_head, N, T)

    @property
    def shape(self) -> tuple[int, int]:
        """Layers and heads."""
        return self.patterns.shape[:2]


def usually_kept(visit: Visit, shown: View) -> list[int]:
    """The tokens whose lines stand out before anybody chose: where an answer comes next, the last
    one, for it is there that the answer has to be found."""
    asked = looking.question(visit).endswith("".join(shown.tokens)) and shown.tokens[-1] != "\n"
    return [len(shown.tokens) - 1] if asked else []


def view(run: Run, text: str, step: int | None) -> View:
    """The attention of the run's model at `step`, or as far as it has come, over all of `text` that
    its context holds. Raises InputError as `look` does."""
    from minigpt.interpret import attention

    read = looking.look(run, text, step)
    notes = list(read.notes)
    if len(read.ids) > plots.MOST_ROWS:
        notes.append(
            f"The model reads {counted(len(read.ids), 'token')}, the newest {plots.MOST_ROWS} are "
            "shown. What they give to those before stands in the first column, *earlier*."
        )
    patterns = attention(services.model(run, read.at), read.ids, plots.MOST_ROWS).numpy()
    return View(run, read.at, read.tokens, read.ids, notes, patterns)


def norms(shown: View) -> np.ndarray:
    """How much each token brings to another, weight times the length of what is read: of the shape
    of the patterns."""
    from minigpt.interpret import norm_weighted

    model: GPT = services.model(shown.run, shown.at)
    found: torch.Tensor = norm_weighted(model, shown.ids, plots.MOST_ROWS)
    return found.numpy()
