"""How the next token is chosen from the logits: small pure filters, and the draw.

Order and meaning are those of Hugging Face's transformers, ties included.
"""

import math
from collections.abc import Iterable, Iterator
from random import Random

import torch

from minigpt.config import NotFinite, SampleConfig


def repetition_penalty(logits: torch.Tensor, seen: Iterable[int], penalty: float) -> torch.Tensor:
    """Makes every token of `seen` less likely, however often it stands there: a logit (V,) above
    zero is divided by `penalty`, one below is multiplied (Keskar et al. 2019)."""
    ids = torch.tensor(sorted(set(seen)), dtype=torch.long, device=logits.device)
    scores = logits[ids]
    return logits.scatter(-1, ids, torch.where(scores < 0, scores * penalty, scores / penalty))


def temperature(logits: torch.Tensor, value: float) -> torch.Tensor:
    """Divides the logits (V,) by `value`; at 0 only the most likely token is left, the first of
    several."""
    if value == 0:
        best = logits.argmax(-1, keepdim=True)
        return torch.full_like(logits, float("-inf")).scatter(-1, best, logits.gather(-1, best))
    return logits if value == 1 else logits / value


def top_k(logits: torch.Tensor, k: int) -> torch.Tensor:
    """Leaves the k largest logits (V,), and those as large as the k-th; the others at -inf (Fan et
    al. 2018)."""
    least = logits.topk(min(k, logits.size(-1))).values[-1]
    return logits.masked_fill(logits < least, float("-inf"))


def top_p(logits: torch.Tensor, p: float) -> torch.Tensor:
    """Leaves the fewest tokens whose probabilities reach p, the one that crosses it among them
    (nucleus; Holtzman et al. 2020). Of tokens exactly as likely, those the sort puts last stay."""
    ascending, order = logits.sort()
    cut = ascending.softmax(dim=-1).cumsum(dim=-1) <= 1 - p  # all that is less likely, and itself
    cut[-1] = False
    return logits.masked_fill(torch.zeros_like(cut).scatter(-1, order, cut), float("-inf"))


def min_p(logits: torch.Tensor, p: float) -> torch.Tensor:
    """Leaves the tokens at least p times as likely as the likeliest (Nguyen et al. 2024)."""
    probabilities = logits.softmax(dim=-1)
    return logits.masked_fill(probabilities < p * probabilities.max(), float("-inf"))


FILTERS = {"top_k": top_k, "top_p": top_p, "min_p": min_p}  # settings, in the order they apply


def _stages(
    logits: torch.Tensor, config: SampleConfig, seen: Iterable[int]
) -> Iterator[tuple[str, torch.Tensor]]:
    """The logits (V,) after the temperature, and after each filter that is asked for."""
    if config.repetition_penalty != 1:
        logits = repetition_penalty(logits, seen, config.repetition_penalty)
    logits = temperature(logits, config.temperature)
    yield "temperature", logits
    for name, leave in FILTERS.items():
        value = getattr(config, name)
        if value is not None:
            logits = leave(logits, value)
            yield name, logits


def probabilities(
    logits: torch.Tensor, config: SampleConfig, seen: Iterable[int] = ()
) -> torch.Tensor:
    """The probabilities (V,) the next token is drawn from: repetition penalty on the tokens of
    `seen`, then temperature, top-k, top-p and min-p."""
    *_, (_, left) = _stages(logits, config, seen)
    return left.softmax(dim=-1)


def cut_by(
    logits: torch.Tensor, config: SampleConfig, seen: Iterable[int], ids: Iterable[int]
) -> list[str | None]:
    """For each of `ids` the filter that removed it: "top_k", "top_p", "min_p", or None where it
    may be drawn. At temperature 0 no filter has a part in the choice, and all are None."""
    ids = list(ids)
    found: list[str | None] = [None] * len(ids)
    if config.temperature == 0 or all(getattr(config, name) is None for name in FILTERS):
        return found
    for name, left in _stages(logits, config, seen):
        for row, value in enumerate(left[ids].tolist()):
            if value == -math.inf and found[row] is None:
                found[row] = name
    return found


def draw(probabilities: torch.Tensor, rng: Random) -> int:
    """One token id, drawn from `probabilities` (V,) by inverse transform sampling, which for a
    single draw is faster than `torch.multinomial`. Raises NotFinite where they are no numbers."""
    sums = probabilities.cumsum(dim=-1, dtype=torch.float64)
    total = sums[-1].item()  # of one logit that is no number, all probabilities are none
    if math.isnan(total):
        raise NotFinite
    return torch.searchsorted(sums, rng.random() * total, right=True).item()
