"""How much each token surprises a model, and how that falls with what it has read before."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from minigpt.config import NotFinite
from minigpt.corpus import in_bits
from minigpt.evaluation import nats
from minigpt.interpret.intervals import paired
from minigpt.interpret.patterns import as_batch
from minigpt.interpret.windows import batches, checked
from minigpt.model import GPT

GROUPS = 10  # of places: tenths of the context


@dataclass(frozen=True)
class ByPosition:
    """How much tokens surprise a model by how many stand before them, in bits per token.

    `first` and `last`, (g,), are the places of a group, counted from 0, both in it: tenths of the
    window, or less of one where it is short. `bits`, `low` and `high`, (g,), are the mean with its
    95 % interval over windows; `gain` what the first tenth has more than the last, with its own
    interval. `trigram` and `trigram_gain` are the same of a model that only counts and looks back
    two tokens at every place: what the first tokens lack by themselves; None without its text.
    """

    first: np.ndarray
    last: np.ndarray
    bits: np.ndarray
    low: np.ndarray
    high: np.ndarray
    gain: tuple[float, float, float]  # it, low, high
    trigram: np.ndarray | None
    trigram_gain: tuple[float, float, float] | None
    windows: int


@torch.inference_mode()
def surprise(model: GPT, ids: Iterable[int]) -> np.ndarray:
    """How much each token of `ids` (T,) but the first surprises a model that has read those before
    it: −log₂ p, (T - 1,), in bits (Shannon 1948).

    Raises as `attention` does.
    """
    return _bits(model, as_batch(model, ids))[0]


@torch.inference_mode()
def guesses(model: GPT, ids: Iterable[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a model held for the likeliest in the place of each token of `ids` (T,) but the first,
    how likely, and how many tokens it held for likelier than the one that stands there, and that
    one itself: its rank, 1 where it is the likeliest. Each (T - 1,). Raises as `attention` does."""
    model.eval()
    read = as_batch(model, ids)
    logits = model(read)[0, :-1].float()  # (T - 1, V)
    if not logits.isfinite().all():
        raise NotFinite
    rank = 1 + (logits > logits.gather(-1, read[0, 1:, None])).sum(-1)
    prob, likeliest = logits.softmax(-1).max(-1)
    return likeliest.cpu().numpy(), prob.cpu().numpy(), rank.cpu().numpy()


def by_position(
    model: GPT, windows: np.ndarray, counted: np.ndarray | None = None, seed: int = 0
) -> ByPosition:
    """How much the tokens of `windows`, int64 (n, T) of held-out ids, surprise a model, by their
    place in the window.

    That it falls shows that a model uses what it read further back (Kaplan et al. 2020, section
    3.2.2; Olsson et al. 2022 call by how much the in-context learning score). `counted` is what the
    same tokens cost a model that only counts: `NGrams.trigram_nats`, (n, T - 1). Raises InputError
    as `head_scores` does, and NotFinite.
    """
    windows = checked(model, windows)
    found = np.concatenate([_bits(model, ids) for ids in batches(model, windows)])  # (n, T - 1)
    groups = np.array_split(np.arange(1, windows.shape[1]), min(GROUPS, windows.shape[1] - 1))
    bits, gain = _grouped(found, groups, seed)
    trigram = trigram_gain = None
    if counted is not None:
        (trigram, _, _), trigram_gain = _grouped(in_bits(counted), groups, seed)
    first, last = (np.array([group[end] for group in groups]) for end in (0, -1))
    return ByPosition(first, last, *bits, gain, trigram, trigram_gain, len(windows))


def _grouped(
    found: np.ndarray, groups: list[np.ndarray], seed: int
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], tuple[float, float, float]]:
    """Of bits (n, T - 1): the mean of each group of places with its interval, and the gain with
    its own."""
    means = np.stack([found[:, group - 1].mean(1) for group in groups], axis=1)  # (n, g)
    gains = means[:, :1] - means[:, -1:]
    gain = gains.mean(0), *paired(gains, seed=seed)
    return (means.mean(0), *paired(means, seed=seed)), tuple(float(one[0]) for one in gain)


@torch.inference_mode()
def _bits(model: GPT, ids: torch.Tensor) -> np.ndarray:
    """Of ids (B, T): (B, T - 1)."""
    model.eval()
    found = in_bits(nats(model(ids)[:, :-1], ids[:, 1:]).cpu().double().numpy())
    if not np.isfinite(found).all():
        raise NotFinite
    return found
