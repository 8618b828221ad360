"""Models and trainers out of the store: safetensors bytes to weights, and back."""

import weakref
from collections.abc import Mapping

import numpy as np
import safetensors.torch
import torch

from minigpt import tokenizers
from minigpt.config import InputError
from minigpt.corpus import split, worlds
from minigpt.devices import best_device
from minigpt.model import GPT, new_model
from minigpt.store import NO_WEIGHTS, Run, Store
from minigpt.trainer import ALONE, Share, Trainer

# Thirty students train on one text: its ids are kept once, for as long as a trainer reads them.
_ids_in_use: weakref.WeakValueDictionary[tuple[str, str], np.ndarray] = (
    weakref.WeakValueDictionary()
)


def encoded(store: Store, text_id: str, tokenizer: str) -> np.ndarray:
    """The ids of a stored text, uint16 (n,), by the tokenizer in that JSON."""
    key = text_id, tokenizer
    ids = _ids_in_use.get(key)
    if ids is None:
        ids = tokenizers.load(tokenizer).encode_array(store.text(text_id))
        _ids_in_use[key] = ids
    return ids


def new_trainer(
    store: Store,
    run: Run,
    *,
    device: torch.device | None = None,
    share: Share = ALONE,
    compiled: bool = False,
) -> Trainer:
    """The trainer of a run at its newest checkpoint, or at step 0 where it has none; on the best
    device there is, or on `device`.

    Raises InputError when the run's text is gone or too short for its context.
    """
    if run.text_id is None:
        raise InputError("this run came without its text: start a new one on one of yours")
    ids = encoded(store, run.text_id, run.tokenizer)
    train_ids, val_ids = split(ids, run.train.val_fraction, run.model.block_size)
    trainer = Trainer(
        new_model(run.model, run.train.seed).to(device or best_device()),
        train_ids,
        val_ids,
        run.train,
        _exam(store, run, val_ids),
        share=share,
        compiled=compiled,
    )
    if checkpoint := store.checkpoint(run.id):
        trainer.load_state_dict(safetensors.torch.load(checkpoint[1]))
    return trainer


def _exam(store: Store, run: Run, val_ids: np.ndarray) -> worlds.Exam | None:
    """The exam of a run whose text comes from a world, where tokens are characters."""
    world = worlds.load(store.origin(run.text_id))
    tokenizer = tokenizers.load(run.tokenizer)
    if world is None or tokenizer.kind != "char":
        return None
    return worlds.exam(world, tokenizer.decode(val_ids), val_ids, run.model.block_size)


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
