"""Writing text one token at a time.

Not `generate.py`: a submodule of that name would hide the function `minigpt.generate`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

import torch

from minigpt import sampling
from minigpt.cache import KVCache
from minigpt.config import InputError, SampleConfig
from minigpt.corpus import as_ids
from minigpt.model import GPT

CANDIDATES = 10


@dataclass(frozen=True)
class Step:
    """One written token: its id, the probability the bare model gave it, and its rivals."""

    id: int
    prob: float
    # (id, p of the bare model, p it was drawn from), the likeliest first, `id` always among them
    candidates: list[tuple[int, float, float]]
    drawn_from: float  # the probability of `id` itself after temperature and filters
    rank: int  # 1 + how many tokens the bare model held likelier; 0 where no candidates are asked
    window: int  # how many tokens before it lay too far back to be read


def generate(
    model: GPT, ids: Iterable[int], config: SampleConfig, candidates: int = CANDIDATES
) -> Iterator[Step]:
    """Continues `ids`, a list, an array or a tensor (n,), one step a token; the same seed writes
    the same tokens.

    Each step names the most likely `candidates`, and the drawn token behind them where it is none
    of these; 0 of them is the fastest.
    Only the newest `block_size` tokens are read. When the context is full, its older half is let
    go and the newer half is read again, so a token costs the same wherever it stands.
    Raises InputError at once when `ids` is empty or not of this vocabulary, and NotFinite at a
    token whose logits are no numbers.
    """
    prompt = as_ids(ids, model.config.vocab_size).tolist()
    if not prompt:
        raise InputError("the prompt is empty: write at least one character")
    return _steps(model, prompt, config, candidates)


def _steps(model: GPT, ids: list[int], config: SampleConfig, candidates: int) -> Iterator[Step]:
    rng = Random(config.seed)
    block_size = model.config.block_size
    cache = KVCache(model.config, dtype=model.dtype, device=model.device)
    unread = ids[-block_size:]
    for _ in range(config.max_new_tokens):
        if cache.length + len(unread) > block_size:
            cache.clear()
            unread = ids[-max(1, block_size // 2) :]
        window = len(ids) - len(unread) - cache.length
        step = _step(model, unread, cache, config, rng, candidates, window)
        yield step
        ids.append(step.id)
        unread = [step.id]


@torch.inference_mode()
def _step(
    model: GPT,
    unread: list[int],
    cache: KVCache,
    config: SampleConfig,
    rng: Random,
    candidates: int,
    window: int,
) -> Step:
    """Reads `unread`, which the cache holds afterwards, and draws the token behind it."""
    if model.training:
        model.eval()  # which asks every module, as long as a small model takes for a token
    logits = model(torch.tensor([unread], device=model.device), cache)[0, -1].float().cpu()  # (V,)
    p_base, p_final = logits.softmax(dim=-1), sampling.probabilities(logits, config)
    chosen = sampling.draw(p_final, rng)
    prob, drawn_from = p_base[chosen].item(), p_final[chosen].item()
    rivals, rank = [], 0
    if candidates:
        rank = 1 + int((p_base > p_base[chosen]).sum())
        top_base, top = p_base.topk(min(candidates, len(p_base)))
        rivals = list(zip(top.tolist(), top_base.tolist(), p_final[top].tolist(), strict=True))
        if chosen not in top:
            rivals.append((chosen, prob, drawn_from))
    return Step(chosen, prob, rivals, drawn_from, rank, window)
