"""Optimizers over the right parameters, and the learning rate over the steps."""

import inspect
import math
from collections.abc import Iterable

import torch

from minigpt.config import TrainConfig
from minigpt.model import GPT

# Each step makes a·x + b·x³ + c·x⁵ of every singular value x, which brings them all near 1.
# Polar Express (Amsel et al. 2025), its first three; they leave the values between 0.18 and 1.87,
# and the steps after them, which would bring those closer to 1, made no model here learn faster.
POLAR_EXPRESS = (
    (8.287212, -23.595887, 17.300387),
    (4.107059, -2.947850, 0.544843),
    (3.948691, -2.908902, 0.551819),
)


def optimizers(model: GPT, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """AdamW for all weights, or Muon for the matrices inside the blocks and AdamW for the rest.

    Biases and LayerNorm gains do not decay: pulling them to zero does not make a model simpler.
    Each group keeps its peak rate in `peak_lr`; `set_progress` follows the schedule from there.
    """
    matrices = []
    if config.optimizer == "muon":
        matrices = [w for name, w in model.named_parameters() if name[0] == "h" and w.dim() == 2]
    by_muon = {id(w) for w in matrices}
    rest = [w for w in model.parameters() if id(w) not in by_muon]
    groups = [
        {"params": [w for w in rest if w.dim() >= 2], "weight_decay": config.weight_decay},
        {"params": [w for w in rest if w.dim() < 2], "weight_decay": 0.0},
    ]
    betas = config.beta1, config.beta2
    chosen: list[torch.optim.Optimizer] = [
        AdamW(groups, lr=config.learning_rate, betas=betas, fused=True)
    ]
    if matrices:
        chosen.append(Muon(matrices, config.muon_learning_rate, config.weight_decay))
    for group in (group for optimizer in chosen for group in optimizer.param_groups):
        group["peak_lr"] = group["lr"]
    return chosen


class _Uncompiled(torch.optim.Optimizer):
    """An optimizer that nobody compiles: torch wraps these methods in what would keep its compiler
    away, and loads that compiler to do so, which takes a second and 70 MB."""

    add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.Optimizer.zero_grad)


class AdamW(_Uncompiled, torch.optim.AdamW):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""

    step = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))


class Muon(_Uncompiled):
    """Momentum whose step is made orthogonal: MomentUm Orthogonalized by Newton-Schulz (Jordan et
    al. 2024), with decoupled weight decay.

    A gradient's few strong directions would drown its many weak ones; here all move alike. Only for
    matrices (rows, columns); the step is lr · √max(1, rows / columns) in each direction. Matrices
    of one shape are made orthogonal together; queries, keys and values count as three.
    """

    def __init__(
        self,
        weights: Iterable[torch.Tensor],
        lr: float,
        weight_decay: float,
        momentum: float = 0.95,
    ) -> None:
        super().__init__(weights, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            weights = [w for w in group["params"] if w.grad is not None]
            for w in weights:
                if w not in self.state:
                    self.state[w]["momentum"] = torch.zeros_like(w)
            gradients = [w.grad for w in weights]
            memories = [self.state[w]["momentum"] for w in weights]
            torch._foreach_lerp_(memories, gradients, 1 - group["momentum"])
            # Nesterov: as if this gradient had already been remembered once more.
            ahead = torch._foreach_lerp(gradients, memories, group["momentum"])
            if group["weight_decay"]:
                torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
            _add_orthogonal(weights, ahead, -group["lr"])


def _add_orthogonal(weights: list[torch.Tensor], steps: list[torch.Tensor], scale: float) -> None:
    """Adds to each weight the orthogonal matrix nearest to its step, times `scale`."""
    by_shape: dict[torch.Size, list[tuple[torch.Tensor, torch.Tensor, float]]] = {}
    for weight, step in zip(weights, steps, strict=True):
        parts = 3 if weight.size(0) == 3 * weight.size(1) else 1  # c_attn is three matrices
        for w, s in zip(weight.chunk(parts), step.chunk(parts), strict=True):
            tall = w.size(0) / w.size(1)
            part = (w, s, scale) if tall <= 1 else (w.mT, s.mT, scale * math.sqrt(tall))
            by_shape.setdefault(part[0].shape, []).append(part)
    for parts in by_shape.values():
        targets, sources, scales = zip(*parts, strict=True)
        moves = orthogonal(torch.stack(sources)).unbind()
        torch._foreach_add_(targets, torch._foreach_mul(moves, scales))


def orthogonal(x: torch.Tensor) -> torch.Tensor:
    """The orthogonal matrix near each of x (n, rows, columns), rows ≤ columns, by Newton-Schulz."""
    x = x / (1.01 * torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
    for a, b, c in POLAR_EXPRESS:
        gram = x @ x.mT  # (n, rows, rows)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x


def set_progress(
    optimizers: Iterable[torch.optim.Optimizer], step: int, config: TrainConfig
) -> None:
    """Gives every group the learning rate of step 0, 1, …"""
    for group in (group for optimizer in optimizers for group in optimizer.param_groups):
        group["lr"] = group["peak_lr"] * rate(step, config)


def rate(step: int, config: TrainConfig) -> float:
    """The share of the peak learning rate at step 0, 1, …: a linear warm-up, then a cosine or a
    trapezoid down to `min_lr_ratio`; and once more in each longer training, from its own share."""
    low, top, last = config.min_lr_ratio, 1.0, config.lr_decay_steps or config.max_steps
    start, falling = min(config.warmup_steps, last // 2), max(1.0, config.cooldown * last)
    if begun := [restart for restart in config.restarts if restart.start <= step]:
        start, last, top = begun[-1].start, begun[-1].end, max(low, begun[-1].share)
        falling = last - start
    elif step < start:
        return (step + 1) / (start + 1)
    if config.schedule == "cosine":
        progress = min((step - start) / max(1, last - start), 1.0)
        return low + (top - low) * (1 + math.cos(math.pi * progress)) / 2
    return low + (top - low) * min(max(last - step, 0) / falling, 1.0)
