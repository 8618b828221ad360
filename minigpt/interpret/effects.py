"""Does a head matter? What changes when it is switched off."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from minigpt.config import InputError, NotFinite
from minigpt.evaluation import nats
from minigpt.interpret.heads import check_head
from minigpt.interpret.intervals import interval
from minigpt.interpret.patterns import as_batch
from minigpt.interpret.taps import Recorder, chain
from minigpt.interpret.windows import batches, checked
from minigpt.model import GPT, Tap

KINDS = ("zero", "mean")


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


def without(layer: int, head: int, instead: torch.Tensor | float = 0.0) -> Tap:
    """A tap that switches one head off: what it found, z before c_proj, is `instead` at every
    place: 0, or a vector (D,) such as a row of `mean_z` (ablation)."""

    def switched_off(name: str, tensor: torch.Tensor) -> torch.Tensor:
        if name != f"h.{layer}.attn.z":
            return tensor
        left = tensor.clone()  # (B, H, T, D)
        left[:, head] = instead
        return left

    return switched_off


@torch.inference_mode()
def mean_z(model: GPT, windows: np.ndarray) -> torch.Tensor:
    """What each head finds on average, over all places of all windows (n, T): (L, H, D)."""
    windows = checked(model, windows)
    total = 0.0
    model.eval()
    for ids in batches(model, windows):
        recorder = Recorder(lambda name: name.endswith("attn.z"))
        model(ids, tap=recorder)
        found = torch.cat(
            [z.float().sum((0, 2), keepdim=True) for z in recorder.activations.values()]
        )
        total = total + found[:, :, 0]  # (L, H, D)
    return total / windows.size


def head_effects(
    model: GPT,
    windows: np.ndarray,
    kind: str = "zero",
    heads: Iterable[tuple[int, int]] | None = None,
    seed: int = 0,
) -> Effects:
    """By how much the loss on `windows`, int64 (n, T) of held-out ids, rises without each head.

    One head at a time, all others and what later layers make of it left as they come (ablation; so
    heads that stand in for each other both seem to matter little). `kind`: "zero" puts zeros in the
    place of what the head found, "mean" its mean over all places of these windows, so that only
    what differs from place to place is lost. `heads`: (layer, head) each, or all. Raises as
    `head_scores` does, and InputError where there is no such head or kind.
    """
    windows, shape = checked(model, windows), (model.config.n_layer, model.config.n_head)
    if kind not in KINDS:
        raise InputError(f"there is no way {kind!r} to switch a head off: choose of zero, mean")
    asked = list(np.ndindex(shape) if heads is None else heads)
    for layer, head in asked:
        check_head(model, layer, head)
    means = mean_z(model, windows) if kind == "mean" else np.zeros(shape)
    whole = _losses(model, windows, chain())  # which takes the same path, so that 0 is 0
    delta, low, high = np.full((3, *shape), np.nan)
    for at in asked:
        more = _losses(model, windows, without(*at, means[at])) - whole
        delta[at] = more.mean()
        low[at], high[at] = interval(more, seed=seed)
    return Effects(delta, low, high, float(whole.mean()), kind)


@torch.inference_mode()
def _losses(model: GPT, windows: np.ndarray, tap: Tap) -> np.ndarray:
    """The mean loss over the tokens of each window but the first: (n,)."""
    model.eval()
    losses = [
        nats(model(ids, tap=tap)[:, :-1], ids[:, 1:]).mean(1) for ids in batches(model, windows)
    ]
    found = torch.cat(losses).double().cpu().numpy()
    if not np.isfinite(found).all():
        raise NotFinite
    return found


@torch.inference_mode()
def next_probs(model: GPT, ids: Iterable[int], tap: Tap | None = None) -> np.ndarray:
    """The probabilities (V,) of the token after `ids` (T,), of the model as it is or as a tap such
    as `without(…)` changes it. Raises as `attention` does."""
    model.eval()
    logits = model(as_batch(model, ids), tap=tap)[0, -1]
    if not logits.isfinite().all():
        raise NotFinite
    return logits.float().softmax(-1).cpu().numpy()
