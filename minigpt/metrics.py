"""What a training tells: of every step, of one seen from close by, and all since it was last asked.

No torch: trainer, store, files and pages share these.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Self


@dataclass(frozen=True)
class Metrics:
    """What one step did. Losses in nats per token; `seconds` counts training time so far."""

    step: int  # 1 for the first
    tokens: int  # read so far
    train_loss: float  # on this step's batch, before the step
    val_loss: float | None  # on unseen text, after the step; measured every eval_interval steps
    lr: float
    grad_norm: float  # before clipping
    seconds: float
    accuracy: float | None = None  # share of right answers in the exam, measured with val_loss


@dataclass(frozen=True)
class SingleStep:
    """One step, seen from close by. Losses in nats per token, on the batch that the step learned
    from; both with the same dropout, so that only the weights differ.

    `moves` tells for each part of the model how far its weights went and how long they were
    before, as Euclidean lengths over all of its numbers.
    """

    step: int  # as it is counted: 1 for the first
    ids: Sequence[int]  # the first piece of the batch and the token after it, (T + 1,)
    pieces: int  # in the batch
    loss_before: float
    loss_after: float
    moves: Mapping[str, tuple[float, float]]

    @property
    def share_moved(self) -> float | None:
        """How far all weights went, as a share of their length; None where that was zero."""
        distances, lengths = zip(*self.moves.values(), strict=True)
        return share(math.hypot(*distances), math.hypot(*lengths))

    def furthest(self) -> tuple[str, float] | None:
        """The part that went furthest for its length, and that share; None where all were zero."""
        shares = {name: share(*move) for name, move in self.moves.items()}
        known = {name: value for name, value in shares.items() if value is not None}
        return max(known.items(), key=lambda item: item[1]) if known else None

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Inverse of `to_json`."""
        return cls(**json.loads(text))


def share(distance: float, length: float) -> float | None:
    """A distance as a share of a length; None of a length of zero."""
    return distance / length if length else None


@dataclass(frozen=True)
class Results:
    """What the worker learned about a run since it last wrote; kept all together or not at all."""

    metrics: Sequence[Metrics] = ()
    samples: Sequence[tuple[int, str]] = ()
    snapshots: Sequence[tuple[int, bytes]] = ()
    checkpoint: tuple[int, bytes] | None = None
    state: str | None = None  # a store.State
    reason: str = ""
    single: SingleStep | None = None  # what a step did that somebody asked for by itself
    kept: int | None = None  # the step whose weights are the last sound ones, if later ones are not
    rests: bool = False  # it paused by itself, so it is no longer wished to run
