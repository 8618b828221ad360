"""Which part of a model matters, and by how much: each taken out, one at a time."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch

from minigpt.config import NotFinite
from minigpt.counting import counted
from minigpt.evaluation import nats
from minigpt.interpret.ablation import (
    Part,
    averages,
    check_parts,
    losses_without,
    parts_of,
    recorded,
    removed,
)
from minigpt.interpret.intervals import LEAST_WINDOWS, paired
from minigpt.interpret.patterns import as_batch
from minigpt.interpret.taps import chain
from minigpt.interpret.windows import batches, checked
from minigpt.model import GPT

OTHERS = 16  # windows out of which a text's activations are resampled


@dataclass(frozen=True)
class Matters:
    """By how much the loss on held-out text rises without each part: above 0 it helped.

    `delta`, `low` and `high` are (n,), in nats per token, in the order of `parts`: layer after
    layer its heads, its MLP, all of it. `low` to `high` is the interval over windows at `level`,
    which is so near 1 that of n intervals all hold what they say in 95 of 100 cases (Bonferroni);
    nan of fewer than 8 windows. `loss` is that of the whole model, in nats per token.
    """

    parts: list[Part]
    delta: np.ndarray
    low: np.ndarray
    high: np.ndarray
    loss: float
    kind: str
    level: float
    windows: int

    @property
    def seen(self) -> np.ndarray:
        """Whether there is an effect that chance does not explain: the interval holds no 0. (n,)"""
        return (self.low > 0) | (self.high < 0)  # not where they are nan

    @property
    def notes(self) -> list[str]:
        """What could not be measured, and why, in sentences."""
        if self.windows >= LEAST_WINDOWS:
            return []
        return [
            f"{counted(self.windows, 'window')} of text cannot tell how sure an effect is: an "
            f"interval takes {LEAST_WINDOWS}."
        ]


def what_matters(
    model: GPT,
    windows: np.ndarray,
    kind: str = "zero",
    seed: int = 0,
    progress: Callable[[float], object] | None = None,
) -> Matters:
    """By how much the loss on `windows`, int64 (n, T) of held-out ids, rises without each part:
    every head, every MLP, every whole layer, one at a time.

    A head is taken out where it found something, at z before c_proj, an MLP at what it writes, a
    layer at what its attention and its MLP write; what later layers make of it is left as it
    comes. `kind` is what stands there instead: "zero"; "mean", its mean over these windows, at each
    place its own where positions are learned, so that only what differs from text to text is lost;
    "resample", what it is at the same place in another window (Chan et al. 2022, Causal Scrubbing).
    Effects do not add: parts can stand in for each other, and then each seems to matter little
    (McGrath et al. 2023, The Hydra Effect). `progress` is told the share that is done. Raises
    InputError as `head_scores` does and where there is no such kind, and NotFinite.
    """
    parts = parts_of(model)
    whole, left = losses_without(model, windows, parts, kind, seed, progress)
    more, level = left - whole[:, None], 1 - 0.05 / len(parts)
    low, high = paired(more, level, seed)
    return Matters(parts, more.mean(0), low, high, float(whole.mean()), kind, level, len(windows))


@torch.inference_mode()
def token_effect(
    model: GPT,
    ids: Iterable[int],
    part: Part,
    windows: np.ndarray,
    kind: str = "zero",
    seed: int = 0,
) -> np.ndarray:
    """By how much the loss of each token of a text `ids` (T,) but the first rises without a part:
    (T - 1,), in nats.

    `kind` as in `what_matters`; means, and what is resampled, come out of `windows` (n, T'), which
    are set one after the other where the text is longer than they are. Resampled, it is the mean
    over as many as 16 of them. Raises as `attention` and `what_matters` do.
    """
    windows, read = checked(model, windows), as_batch(model, ids)
    check_parts(model, windows, [part], kind)
    T = read.size(1)
    others, instead = read.cpu().numpy(), None
    if kind == "resample":
        others = np.random.default_rng(seed).permutation(_as_long(windows, T))[:OTHERS]
    elif kind == "mean":
        learned = model.config.position == "learned"
        instead = averages(model, _as_long(windows, T) if learned else windows)
    rises = []
    model.eval()
    for other in batches(model, others):
        if kind == "resample":
            instead = recorded(model, other)
        whole, left = (
            nats(model(again, tap=tap)[:, :-1], again[:, 1:])
            for again in [read.expand(len(other), -1)]
            for tap in (chain(), removed(part, instead))
        )
        rises.append(left - whole)
    found = torch.cat(rises).cpu().double().mean(0).numpy()
    if not np.isfinite(found).all():
        raise NotFinite
    return found


def _as_long(windows: np.ndarray, T: int) -> np.ndarray:
    """The windows cut to T tokens, or set one after the other until they are as long."""
    if windows.shape[1] >= T:
        return windows[:, :T]
    return np.resize(windows, (max(1, windows.size // T), T))
