"""What a single step did, for whoever lets a run make one step and looks. No torch."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Self


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
