"""Does a head matter? What changes when it is switched off."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from minigpt.config import NotFinite
from minigpt.interpret.ablation import Part, losses_without
from minigpt.interpret.intervals import paired
from minigpt.interpret.patterns import as_batch
from minigpt.model import GPT, Tap


@dataclass(frozen=True)
class Effects:
    """By how much the loss rises when a head is switched off, in nats per token: above 0 it helped.

    All (n_layer, n_head), nan for heads that were not asked; `low` to `high` is the 95 % interval
    over windows, each compared with itself, nan of fewer than 8 windows. `loss` is that of the
    whole model.
    """

    delta: np.ndarray
    low: np.ndarray
    high: np.ndarray
    loss: float
    kind: str


def head_effects(
    model: GPT,
    windows: np.ndarray,
    kind: str = "zero",
    heads: Iterable[tuple[int, int]] | None = None,
    seed: int = 0,
) -> Effects:
    """By how much the loss on `windows`, int64 (n, T) of held-out ids, rises without each head.

    `heads`: (layer, head) each, or all, one switched off at a time. `kind`, and what is raised, as
    in `what_matters`, which asks about all parts at once, so that its intervals are wider.
    """
    shape = (model.config.n_layer, model.config.n_head)
    asked = list(np.ndindex(shape) if heads is None else heads)
    parts = [Part(layer, head, "head") for layer, head in asked]
    whole, left = losses_without(model, windows, parts, kind, seed)
    more = left - whole[:, None]
    found = np.full((3, *shape), np.nan)
    found[:, *np.transpose(asked)] = more.mean(0), *paired(more, seed=seed)
    return Effects(*found, float(whole.mean()), kind)


@torch.inference_mode()
def next_probs(model: GPT, ids: Iterable[int], tap: Tap | None = None) -> np.ndarray:
    """The probabilities (V,) of the token after `ids` (T,), of the model as it is or as a tap such
    as `without(…)` changes it. Raises as `attention` does."""
    model.eval()
    logits = model(as_batch(model, ids), tap=tap)[0, -1]
    if not logits.isfinite().all():
        raise NotFinite
    return logits.float().softmax(-1).cpu().numpy()
