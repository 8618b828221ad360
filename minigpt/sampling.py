"""How the next token is chosen from the logits: small pure filters, and the draw."""

import math
from random import Random

import torch

from minigpt.config import NotFinite, SampleConfig


def temperature(logits: torch.Tensor, value: float) -> torch.Tensor:
    """Divides the logits (V,) by `value`; at 0 only the most likely token is left."""
    return top_k(logits, 1) if value == 0 else logits / value


def top_k(logits: torch.Tensor, k: int) -> torch.Tensor:
    """Leaves the k largest logits (V,), the others at -inf (Fan et al. 2018)."""
    kept = logits.topk(min(k, logits.size(-1))).indices
    return torch.full_like(logits, float("-inf")).scatter(-1, kept, logits.gather(-1, kept))


def top_p(logits: torch.Tensor, p: float) -> torch.Tensor:
    """Leaves the fewest tokens whose probabilities reach p (nucleus; Holtzman et al. 2020)."""
    ordered, order = logits.sort(descending=True)
    before = ordered.softmax(dim=-1).cumsum(dim=-1) - ordered.softmax(dim=-1)
    return torch.full_like(logits, float("-inf")).scatter(
        -1, order, ordered.masked_fill(before >= p, float("-inf"))
    )


def probabilities(logits: torch.Tensor, config: SampleConfig) -> torch.Tensor:
    """The probabilities (V,) the next token is drawn from: temperature, then top-k, then top-p."""
    logits = temperature(logits, config.temperature)
    if config.top_k is not None:
        logits = top_k(logits, config.top_k)
    if config.top_p is not None:
        logits = top_p(logits, config.top_p)
    return logits.softmax(dim=-1)


def draw(probabilities: torch.Tensor, rng: Random) -> int:
    """One token id, drawn from `probabilities` (V,) by inverse transform sampling, which for a
    single draw is faster than `torch.multinomial`. Raises NotFinite where they are no numbers."""
    sums = probabilities.cumsum(dim=-1, dtype=torch.float64)
    total = sums[-1].item()  # of one logit that is no number, all probabilities are none
    if math.isnan(total):
        raise NotFinite
    return torch.searchsorted(sums, rng.random() * total, right=True).item()
