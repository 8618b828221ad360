"""What a head of attention can be good for, as plain arrays: no model, no torch.

Attention is (…, T, T): row i is the token that looks, column j the one looked at, each row sums to
1. A role is a mask of columns for every row, and a head has it as far as it puts more attention
there than one that looks evenly at all it may see.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from minigpt.interpret.intervals import interval

FIRST_ROW = 8  # counted from 0: before it there is so little to look at that every head has a role
BROAD = 0.95  # of the largest entropy a row can have
MOST_BY_CHANCE = 0.5  # where chance has more, a role tells nothing
LIFT, LOW, RUNNER_UP = 0.4, 0.25, 0.5  # what it takes to have a role
UNCLEAR = "unclear"

Mask = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Role:
    """A role: what a head that has it does, where that was described, and which tokens j a token i
    looks at. `about_content` tells the roles that compare tokens from those that count places."""

    definition: str
    source: str
    mask: Mask | None = None  # (rows i, columns j, ids (n, T)) to (…, T, T); None for `broad`
    about_content: bool = False


def _same(i: np.ndarray, j: np.ndarray, ids: np.ndarray) -> np.ndarray:
    return (ids[:, None, :] == ids[:, :, None]) & (j < i)


def _induction(i: np.ndarray, j: np.ndarray, ids: np.ndarray) -> np.ndarray:
    before = np.roll(ids, 1, axis=1)  # what stands before each token; the first has none
    return (before[:, None, :] == ids[:, :, None]) & (j > 0) & (j < i)


ROLES: Mapping[str, Role] = MappingProxyType(
    {
        "previous token": Role(
            "Each token looks at the one right before it: j = i − 1.",
            "Elhage et al. 2021, A Mathematical Framework for Transformer Circuits",
            lambda i, j, ids: j == i - 1,
        ),
        "first token": Role(
            "Every token looks at the first one of all: j = 0, an attention sink.",
            "Xiao et al. 2024, Efficient Streaming Language Models with Attention Sinks",
            lambda i, j, ids: j == 0,
        ),
        "itself": Role(
            "Each token looks at itself: j = i.",
            "Clark et al. 2019, What Does BERT Look At?",
            lambda i, j, ids: j == i,
        ),
        "same token before": Role(
            "Each token looks at the earlier places where the same token stands: t_j = t_i, j < i.",
            "Wang et al. 2023, Interpretability in the Wild, where it is a duplicate token head",
            _same,
            about_content=True,
        ),
        "induction": Role(
            "Each token looks for earlier copies of itself, and there at the token that came next: "
            "t_(j − 1) = t_i, j < i.",
            "Olsson et al. 2022, In-context Learning and Induction Heads (prefix matching)",
            _induction,
            about_content=True,
        ),
        "near": Role(
            "Each token looks at the last few, but neither at itself nor at the one right before: "
            "j from i − 7 to i − 2.",
            "Our own measure; heads that look a short way back are in Vig & Belinkov 2019, "
            "Analyzing the Structure of Attention in a Transformer Language Model",
            lambda i, j, ids: (i - 7 <= j) & (j <= i - 2),
        ),
        "broad": Role(
            "Each token looks almost evenly at all it may see: rows whose entropy is at least 0.95 "
            "of log(i + 1), the largest there can be.",
            "Clark et al. 2019, section 3.3",
        ),
    }
)
NAMES = list(ROLES)
ABOUT_CONTENT = np.array([role.about_content for role in ROLES.values()])  # (R,)


def masks(ids: np.ndarray) -> np.ndarray:
    """For each role where a head that has it looks, in windows of ids (n, T): bool (n, R, T, T).

    Rows 0 to 7, and all rows of `broad`, are empty.
    """
    n, T = ids.shape
    i, j = np.arange(T)[:, None], np.arange(T)
    found = np.zeros((n, len(ROLES), T, T), dtype=bool)
    for role, about in enumerate(ROLES.values()):
        if about.mask is not None:
            found[:, role] = about.mask(i, j, ids)
    found[:, :, :FIRST_ROW] = False
    return found


def apart(where: np.ndarray) -> np.ndarray:
    """The same masks, but those about place without the tokens that those about content mark."""
    content = where[:, ABOUT_CONTENT].any(1, keepdims=True)  # (n, 1, T, T)
    return where & (~content | ABOUT_CONTENT[:, None, None])


def masses(patterns: np.ndarray, where: np.ndarray) -> np.ndarray:
    """The attention that heads put on each role's mask, summed over the rows: (n, H, R).

    patterns: (n, H, T, T); where: `masks` of the same windows. Of `broad`, the number of rows.
    """
    n, H, T, _ = patterns.shape
    weights = where.reshape(n, -1, T * T).transpose(0, 2, 1).astype(patterns.dtype)
    found = patterns.reshape(n, H, T * T) @ weights  # (n, H, R)
    found[..., NAMES.index("broad")] = broad_rows(patterns)
    return found


def broad_rows(patterns: np.ndarray) -> np.ndarray:
    """In how many rows each head looks almost evenly at all it may see: (n, H)."""
    rows = patterns[..., FIRST_ROW:, :]
    entropy = -(rows * np.log(np.maximum(rows, 1e-30))).sum(-1)  # (n, H, T - 8), nats
    largest = np.log(np.arange(FIRST_ROW, patterns.shape[-1]) + 1)
    return (entropy >= BROAD * largest).sum(-1)


@dataclass(frozen=True)
class Tally:
    """What heads did in each window, and what uniform attention would have done there."""

    mass: np.ndarray  # (n, L, H, R), attention on a role's mask, summed over the rows that count
    uniform: np.ndarray  # (n, R), the same of uniform attention
    rows: np.ndarray  # (n, R), how many rows count: those whose mask is not empty

    @property
    def chance(self) -> np.ndarray:
        """u, the mean mass that uniform attention puts on each mask: (R,), nan without rows."""
        rows = self.rows.sum(0)
        return np.divide(self.uniform.sum(0), rows, out=np.full(len(rows), np.nan), where=rows > 0)

    @property
    def telling(self) -> np.ndarray:
        """Which roles can be told from chance at all: (R,)."""
        return self.chance <= MOST_BY_CHANCE  # not where it is nan

    @property
    def lifts(self) -> np.ndarray:
        """(s − u) / (1 − u) over all windows: (L, H, R); nan where chance has too much."""
        top, bottom = (part.sum(0) for part in self._parts)
        return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=self.telling)

    def interval(self, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """The lifts' 95 % interval over the windows: low and high, each (L, H, R)."""
        low, high = interval(*self._parts, seed=seed)
        return np.where(self.telling, low, np.nan), np.where(self.telling, high, np.nan)

    @property
    def _parts(self) -> tuple[np.ndarray, np.ndarray]:
        """What the lift is a ratio of, in each window: with N rows, S = N s and U = N u, it is
        (S − U) / (N − U)."""
        uniform = self.uniform[:, None, None]  # (n, 1, 1, R)
        return self.mass - uniform, self.rows[:, None, None] - uniform


def expected(where: np.ndarray, broad_by_chance: float) -> tuple[np.ndarray, np.ndarray]:
    """What uniform attention would put on the masks (n, R, T, T), summed over the rows that count,
    and how many of them there are: both (n, R).

    Uniform attention is broad in every row, so for `broad` it is no chance level: the share of rows
    in which an untrained model is broad takes its place.
    """
    T = where.shape[-1]
    seen = where.sum(-1) / np.arange(1, T + 1)  # (n, R, T): evenly over the i + 1 tokens of row i
    uniform, rows = seen.sum(-1), where.any(-1).sum(-1)
    broad = NAMES.index("broad")
    rows[:, broad] = max(0, T - FIRST_ROW)
    uniform[:, broad] = rows[:, broad] * broad_by_chance
    return uniform, rows


def role_lifts(
    patterns: np.ndarray, ids: np.ndarray, broad_by_chance: float = 1.0
) -> dict[str, np.ndarray]:
    """How far each head has each role: its lift, (s − u) / (1 − u), 1 where it does nothing else,
    0 where it looks evenly at all: {role: (n_layer, n_head)}.

    patterns: (n_layer, n_head, T, T) over ids (T,), or (n, n_layer, n_head, T, T) of windows
    (n, T). s is the mean attention on the role's mask, u what uniform attention would put there,
    both over the rows from row 8 on whose mask is not empty. A lift is nan where there is no such
    row, or where u is over 0.5. Of `broad`, s is the share of rows whose entropy is at least 0.95
    of log(i + 1), and u is `broad_by_chance`: the share that an untrained model of this shape has,
    or 1, for uniform attention is broad in every row, and then being broad tells nothing.
    Raises ValueError where shapes do not fit or rows do not sum to 1.
    """
    patterns, ids = np.asarray(patterns, dtype=np.float32), np.atleast_2d(np.asarray(ids))
    if patterns.ndim == 4:
        patterns = patterns[None]
    n, T = ids.shape
    if patterns.ndim != 5 or (len(patterns), *patterns.shape[3:]) != (n, T, T):
        raise ValueError(f"patterns {patterns.shape} do not fit the ids {ids.shape}")
    if (patterns < 0).any() or not np.allclose(patterns.sum(-1), 1, atol=1e-2):
        raise ValueError("attention is not negative, and each of its rows sums to 1")
    where = masks(ids)
    mass = np.stack([masses(patterns[:, layer], where) for layer in range(patterns.shape[1])], 1)
    return by_role(Tally(mass, *expected(where, broad_by_chance)).lifts)


def by_role(values: np.ndarray) -> dict[str, np.ndarray]:
    """An array (…, R) as {role: (…)}."""
    return dict(zip(NAMES, np.moveaxis(values, -1, 0), strict=True))


def role_of(lifts: np.ndarray, low: np.ndarray, shuffled: np.ndarray, near_apart: float) -> str:
    """The role of a head, or "unclear", of its lifts, their lower bounds and the lifts on shuffled
    text, each (R,), and of the lift of `near` on repeated sequences, without what content looks at.

    A head has a role when its lift is at least 0.4, with 97.5 % certainty at least 0.25, and twice
    that of any other; and, where the role is about content, twice what it is when the content is
    shuffled and the places stay, else it goes by the distance alone. What content looks for may
    well be near, so against such a role `near` counts only with what lies beside it.
    """
    order = np.argsort(-np.nan_to_num(lifts, nan=-np.inf), kind="stable")
    content = ABOUT_CONTENT[order]
    of_content, of_place = order[content][0], order[~content][0]
    beside = np.where(np.arange(len(lifts)) == NAMES.index("near"), near_apart, lifts)
    rivals = {
        of_content: [*np.delete(beside, of_content), shuffled[of_content]],
        of_place: np.delete(lifts, of_place),
    }
    for first, others in rivals.items():
        enough = lifts[first] >= LIFT and low[first] >= LOW
        if enough and np.nanmax(others) <= RUNNER_UP * lifts[first]:
            return NAMES[first]
    return UNCLEAR


def likeliest(lifts: np.ndarray) -> tuple[str, ...]:
    """The two roles with the highest lifts (R,), fewer where fewer could be measured."""
    order = np.argsort(-np.nan_to_num(lifts, nan=-np.inf), kind="stable")[:2]
    return tuple(NAMES[role] for role in order if not np.isnan(lifts[role]))
