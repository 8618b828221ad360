"""Models out of the store: safetensors bytes to weights, and back."""

from collections.abc import Mapping

import safetensors.torch
import torch

from minigpt.config import InputError
from minigpt.model import GPT, new_model
from minigpt.store import NO_WEIGHTS, Run, Store


def to_bytes(tensors: Mapping[str, torch.Tensor]) -> bytes:
    return safetensors.torch.save(dict(tensors))


def snapshot_bytes(model: GPT) -> bytes:
    """The weights in half precision: half the disk, and pictures of them do not change. A tensor
    with numbers too large for that, over 65,504, stays as it is."""
    tensors = {}
    for name, weight in model.state_dict().items():
        half = weight.detach().to(torch.float16)
        tensors[name] = half if half.isfinite().all() else weight.detach()
    return to_bytes(tensors)


def load_model(store: Store, run: Run, step: int | None = None) -> GPT:
    """The model of a run at a step whose weights are kept, or, without one, as far as it has come.

    Raises InputError when those weights are not in the store.
    """
    checkpoint = store.checkpoint(run.id)  # read once: a newer one may replace it at any time
    if step is None:
        steps = store.snapshot_steps(run.id)[-1:] + ([checkpoint[0]] if checkpoint else [])
        if not steps:
            raise InputError(NO_WEIGHTS[run.state])
        step = max(steps)
    if checkpoint and checkpoint[0] == step:
        weights = {
            name.removeprefix("model."): tensor
            for name, tensor in safetensors.torch.load(checkpoint[1]).items()
            if name.startswith("model.")
        }
    else:
        weights = safetensors.torch.load(store.snapshot(run.id, step))
    model = new_model(run.model, seed=0)
    model.load_state_dict(weights)  # copies into float32
    return model.eval()
