"""How long a recipe takes to a loss, by which its ingredients are compared."""

from dataclasses import dataclass

import numpy as np

from minigpt.corpus import windows
from minigpt.evaluation import mean_loss
from minigpt.model import new_model
from minigpt.recipes import Preset
from minigpt.trainer import Trainer

# Trainings of these lengths are tried, as multiples of the recipe's own.
SHORTEST, LONGER, LONGEST = 0.5, 1.2, 8.0


@dataclass(frozen=True)
class Reached:
    """The shortest training of a recipe that reached a loss."""

    steps: int
    seconds: float  # of its training steps alone
    loss: float  # on all validation text, nats per token


def lengths(preset: Preset) -> list[int]:
    """In steps, the trainings that are tried, one after the other."""
    tried, factor = [], SHORTEST
    while factor <= LONGEST:
        tried.append(max(1, round(preset.train.max_steps * factor)))
        factor *= LONGER
    return tried


def time_to(
    target: float,
    preset: Preset,
    vocab_size: int,
    train_ids: np.ndarray,
    val_ids: np.ndarray,
    seed: int,
) -> Reached | None:
    """The first of ever longer trainings of a recipe that ends at the target or below, from half as
    long as its own; None when the longest of `lengths`, almost eight times as long, does not.

    The rate falls over the whole of a training, so a short one is not the start of a long one:
    each begins anew. Losses in nats per token, over all of `val_ids` in windows of the context.
    """
    model = preset.model(vocab_size)
    x, y = windows(val_ids, model.block_size)
    for steps in lengths(preset):
        config = preset.train.replace(max_steps=steps, eval_interval=100_000, seed=seed)
        trainer = Trainer(new_model(model, seed), train_ids, val_ids[:0], config)
        *_, last = trainer
        loss = mean_loss(trainer.model, x, y, batch_size=128)
        if loss <= target:
            return Reached(steps, last.seconds, loss)
    return None
