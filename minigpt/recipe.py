"""What each ingredient of a recipe is worth: without it, how much longer does it take to learn?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from minigpt.config import GPTConfig, Preset
from minigpt.corpus import windows
from minigpt.trainer import Trainer, mean_loss
from minigpt.weights import new_model

# What stands in the place of each ingredient; the rates of AdamW are those that did best for it.
WITHOUT: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "muon": {"optimizer": "adamw", "learning_rate": 6e-3, "warmup_steps": 10},
        "bigram": {"bigram": False},
        "rope": {"position": "learned"},
        "relu2": {"activation": "gelu"},
        "qk_norm": {"qk_norm": False},
        "zero_init": {"zero_init": False},
        "rmsnorm": {"norm": "layernorm"},
        "untied head": {"tie_weights": True},
        "trapezoid": {"schedule": "cosine"},
    }
)
# Trainings of these lengths are tried, as multiples of the recipe's own.
SHORTEST, LONGER, LONGEST = 0.5, 1.2, 8.0


@dataclass(frozen=True)
class Reached:
    """The shortest training of a recipe that reached a loss."""

    steps: int
    seconds: float  # of its training steps alone
    loss: float  # on all validation text, nats per token


def without(preset: Preset, ingredient: str) -> Preset:
    """The recipe with what `WITHOUT` names in place of one ingredient."""
    model_settings = GPTConfig.__dataclass_fields__
    changes = WITHOUT[ingredient]
    shape = {name: value for name, value in changes.items() if name in model_settings}
    train = {name: value for name, value in changes.items() if name not in model_settings}
    return replace(preset, shape={**preset.shape, **shape}, train=preset.train.replace(**train))


def time_to(
    target: float,
    preset: Preset,
    vocab_size: int,
    train_ids: np.ndarray,
    val_ids: np.ndarray,
    seed: int,
) -> Reached | None:
    """The first of ever longer trainings of a recipe that ends at the target or below, from half as
    long as its own; None when one eight times as long does not.

    The rate falls over the whole of a training, so a short one is not the start of a long one:
    each begins anew. Losses in nats per token, over all of `val_ids` in windows of the context.
    """
    model = preset.model(vocab_size)
    x, y = windows(val_ids, model.block_size)
    factor = SHORTEST
    while factor <= LONGEST:
        steps = max(1, round(preset.train.max_steps * factor))
        config = preset.train.replace(max_steps=steps, eval_interval=100_000, seed=seed)
        trainer = Trainer(new_model(model, seed), train_ids, val_ids[:0], config)
        *_, last = trainer
        loss = mean_loss(trainer.model, x, y, batch_size=128)
        if loss <= target:
            return Reached(steps, last.seconds, loss)
        factor *= LONGER
    return None
