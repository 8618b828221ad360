"""Models out of the store: safetensors bytes to weights, and back."""

from collections.abc import Mapping

import safetensors.torch
import torch

from minigpt.model import GPT, new_model
from minigpt.store import Run, Store


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
    _, weights = store.weights(run, step)
    model = new_model(run.model, seed=0)
    # Copies into float32, one after the other.
    model.load_state_dict({name: torch.from_numpy(weight) for name, weight in weights.items()})
    return model.eval()
