"""What the model made of the text whose attention is looked at."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from minigpt import plots
from minigpt.counting import counted
from minigpt.store import Run
from minigpt.ui import address, looking, services
from minigpt.ui.looking import Look
from minigpt.ui.visit import Visit

if TYPE_CHECKING:
    import torch

    from minigpt.model import GPT

MOST_WEIGHTS = 2**27  # of all heads together; where there would be more, fewer rows are shown
KEPT_WEIGHTS = 2**24  # that stay in memory; where there are more, a head is read for when shown
KEPT_SHARE = 1 / 10  # of the memory for models that they may take
MOST_BOARD = 2**21  # bytes of all small maps


@dataclass(frozen=True)
class View(Look):
    """The attention of one model over one text, of which the newest N of T tokens are shown."""

    small: np.ndarray  # uint8 (n_layer, n_head, S, S): every head's map as a small picture
    rows: int  # N
    patterns: np.ndarray | None  # (n_layer, n_head, N, T); None where they are too many

    @property
    def shape(self) -> tuple[int, int]:
        """Layers and heads."""
        return self.small.shape[:2]

    def map(self, layer: int, head: int | str) -> np.ndarray:
        """One head's map, or the mean of a layer's: (N, T)."""
        if self.patterns is not None:
            return of(self.patterns[layer], head)
        from minigpt.interpret import attention_by_layer

        def see(at: int, patterns: "torch.Tensor") -> np.ndarray | None:
            return of(patterns.numpy(), head).copy() if at == layer else None

        with services.turn.taken():
            return attention_by_layer(self.model, self.ids, self.rows, see)[layer]

    def norms(self, layer: int, head: int | str) -> tuple[np.ndarray, float]:
        """How much each token brings to another in that head, weight times the length of what is
        read, (N, T); and the largest of all heads."""
        from minigpt.interpret import norms_by_layer

        def see(at: int, brought: "torch.Tensor") -> tuple[np.ndarray | None, float]:
            chosen = of(brought.numpy(), head).copy() if at == layer else None
            return chosen, float(brought.max())

        with services.turn.taken():
            seen = norms_by_layer(self.model, self.ids, self.rows, see)
        return seen[layer][0], max(highest for _, highest in seen)

    @property
    def model(self) -> "GPT":
        return services.model(self.run, self.at)


def of(patterns: np.ndarray, head: int | str) -> np.ndarray:
    """One head's map (N, T), or the mean of all, of those of a layer (n_head, N, T)."""
    return patterns.mean(axis=0) if head == address.AVERAGE else patterns[head]


def usually_kept(visit: Visit, shown: View) -> list[int]:
    """The tokens whose lines stand out before anybody chose: where an answer comes next, the last
    one, for it is there that the answer has to be found."""
    asked = looking.question(visit).endswith("".join(shown.tokens)) and shown.tokens[-1] != "\n"
    return [len(shown.tokens) - 1] if asked else []


def view(run: Run, text: str, step: int | None) -> View:
    """The attention of the run's model at `step`, or as far as it has come, over all of `text` that
    its context holds. Raises InputError as `look` does."""
    from minigpt.interpret import attention_by_layer

    read = looking.look(run, text, step)
    notes, T, heads = list(read.notes), len(read.ids), run.model.n_layer * run.model.n_head
    N = max(1, min(T, plots.MOST_ROWS, MOST_WEIGHTS // (heads * T)))
    if N < T:
        notes.append(
            f"The model reads {counted(T, 'token')}, the newest {N} are shown. What they give to "
            "those before stands in the first column, *earlier*."
        )
    side = min(plots.MOST_PIXELS, math.isqrt(MOST_BOARD // heads))
    weights = heads * N * T
    keeps = weights <= KEPT_WEIGHTS and 4 * weights <= KEPT_SHARE * services.turn.most_bytes

    def see(layer: int, patterns: "torch.Tensor") -> tuple[np.ndarray, np.ndarray | None]:
        whole = patterns.numpy()
        return plots.thumbnail(whole, side), whole if keeps else None

    with services.turn.taken():
        seen = attention_by_layer(services.model(run, read.at), read.ids, N, see)
    small, whole = zip(*seen, strict=True)
    return View(
        run, read.at, read.tokens, read.ids, notes,
        np.stack(small), N, np.stack(whole) if keeps else None,
    )  # fmt: skip
