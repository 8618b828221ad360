"""How what heads do comes about: the same measurements at many moments of a training."""

from collections.abc import Sequence

import numpy as np

from minigpt.interpret.heads import HeadScores
from minigpt.interpret.roles import LOW

LEAST_FALL = 0.1  # nats: a loss that falls by less has hardly fallen


def lifts_through(scores: Sequence[HeadScores], role: str) -> np.ndarray:
    """A role's lift of each head at n moments: (n, n_layer, n_head)."""
    return np.stack([each.lifts[role] for each in scores])


def copy_losses_through(scores: Sequence[HeadScores]) -> np.ndarray:
    """The loss on the first copy of repeated sequences and on the later ones, in nats, at n
    moments: (n, 2), nan where it was not measured."""
    return np.array(
        [(c.first, c.later) if (c := each.copies) else (np.nan, np.nan) for each in scores]
    )


def half_way(steps: Sequence[int], values: np.ndarray, least: float) -> int | None:
    """The first of n steps at which a value is at least half-way from where it began to where it
    ended: tells when, not why. None where from end to end it changes by less than `least`, or is
    not known.

    values: (n,). A value that passes half-way, falls back and passes it again passed it first.
    """
    change = values[-1] - values[0]
    if not abs(change) >= least:
        return None
    passed = (values - values[0]) / change >= 0.5
    return int(steps[int(passed.argmax())])


def turning_points(steps: Sequence[int], scores: Sequence[HeadScores]) -> dict[str, int | None]:
    """When the strongest head of two roles, by its last lift, and the loss on later copies were
    half-way from their first to their last value: {what: step}, None for what never came about.

    Olsson et al. 2022 saw induction heads and the fall of that loss come in the same short time.
    """
    found: dict[str, int | None] = {}
    for role in ("previous token", "induction"):
        lifts = lifts_through(scores, role).reshape(len(scores), -1)
        last = np.nan_to_num(lifts[-1], nan=-np.inf)
        found[role] = half_way(steps, lifts[:, last.argmax()], LOW)
    later = copy_losses_through(scores)[:, 1]
    falls = later[-1] < later[0]
    found["loss on later copies"] = half_way(steps, later, LEAST_FALL) if falls else None
    return found
