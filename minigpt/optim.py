"""The optimizer over the right parameters, and the learning rate over the steps."""

import math

import torch

from minigpt.config import TrainConfig
from minigpt.model import GPT


def adamw(model: GPT, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019) that decays matrices and embeddings only.

    Biases and LayerNorm gains are left alone: pulling them to zero does not make a model simpler.
    """
    weights = list(model.parameters())
    groups = [
        {"params": [w for w in weights if w.dim() >= 2], "weight_decay": config.weight_decay},
        {"params": [w for w in weights if w.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups, lr=config.learning_rate, betas=(config.beta1, config.beta2), fused=True
    )


def learning_rate(step: int, config: TrainConfig) -> float:
    """The rate of step 0, 1, …: linear warm-up, then a cosine to `min_lr_ratio` of the peak."""
    last = config.lr_decay_steps or config.max_steps
    warmup = min(config.warmup_steps, last // 2)
    if step < warmup:
        return config.learning_rate * (step + 1) / (warmup + 1)
    progress = min((step - warmup) / max(1, last - warmup), 1.0)
    low = config.learning_rate * config.min_lr_ratio
    return low + (config.learning_rate - low) * (1 + math.cos(math.pi * progress)) / 2
