"""Where each token looks, and how much comes from there."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import torch

from minigpt.cache import KVCache
from minigpt.config import InputError, NotFinite
from minigpt.corpus import as_ids
from minigpt.counting import counted
from minigpt.model import GPT

Seen = TypeVar("Seen")


def attention(model: GPT, ids: Iterable[int], newest: int | None = None) -> torch.Tensor:
    """Where each token looks: (n_layer, n_head, T, T), row = looking token, each row sums to 1.

    `ids` is a list, an array or a tensor (T,). With `newest`, only the rows of so many newest
    tokens, (n_layer, n_head, newest, T): they look at all T as ever, and a long context does not
    take the memory of its square. Raises InputError when `ids` is empty, longer than the context,
    or not of the model's vocabulary, and NotFinite where the model's numbers are none.
    """
    return torch.stack(attention_by_layer(model, ids, newest, lambda layer, pattern: pattern))


def norm_weighted(model: GPT, ids: Iterable[int], newest: int | None = None) -> torch.Tensor:
    """How much each token brings to another: ‖α f(x)‖, weight times the length of what is read
    (Kobayashi et al. 2020, section 3): (n_layer, n_head, T, T), or as `attention` with `newest`.

    f(x) = v(x) W_O is what a head adds to the residual stream where it looks at nothing else: v
    with c_attn's bias, W_O the head's columns of c_proj, without c_proj's bias, which belongs to no
    token. Lengths are those of vectors in the residual stream, so they have no upper bound, rows do
    not sum to 1, and maps compare within one model only. Raises as `attention` does.
    """
    return torch.stack(norms_by_layer(model, ids, newest, lambda layer, pattern: pattern))


def attention_by_layer(
    model: GPT, ids: Iterable[int], newest: int | None, see: Callable[[int, torch.Tensor], Seen]
) -> list[Seen]:
    """What `see` makes of each layer's patterns, (n_head, newest, T): one layer after the other, so
    that those of many heads are never all in memory. Otherwise as `attention`."""
    return _each(model, ids, newest, lambda layer, pattern, values: see(layer, _sound(pattern)))


def norms_by_layer(
    model: GPT, ids: Iterable[int], newest: int | None, see: Callable[[int, torch.Tensor], Seen]
) -> list[Seen]:
    """The same of what `norm_weighted` returns."""

    def weighted(layer: int, pattern: torch.Tensor, values: torch.Tensor) -> Seen:
        lengths = _lengths(model.h[layer].attn.c_proj.weight, values)  # (H, T)
        return see(layer, _sound(pattern * lengths[:, None, :]))

    return _each(model, ids, newest, weighted)


def _lengths(c_proj: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """The length of what each head writes of each token's v, (H, T, D): (H, T)."""
    heads = c_proj.unflatten(1, (len(v), -1)).transpose(0, 1)  # (H, C, D): a head's columns each
    return (v @ heads.transpose(1, 2)).norm(dim=-1)


@torch.inference_mode()
def _each(
    model: GPT,
    ids: Iterable[int],
    newest: int | None,
    see: Callable[[int, torch.Tensor, torch.Tensor], Seen],
) -> list[Seen]:
    """What `see` makes of each layer's patterns (H, newest, T) and values of all tokens (H, T, D),
    while the model reads."""
    read, seen = as_batch(model, ids), []
    T = read.size(1)
    model.eval()
    cache = KVCache(model.config, dtype=model.dtype, device=model.device)

    def tap(name: str, tensor: torch.Tensor) -> torch.Tensor:
        if name.endswith("attn.pattern"):
            layer = len(seen)
            seen.append(see(layer, tensor[0], cache.values[layer][0, :, :T]))
        return tensor

    if before := max(0, T - (newest or T)):
        model(read[:, :before], cache)
    model(read[:, before:], cache, tap)
    return seen


def as_batch(model: GPT, ids: Iterable[int]) -> torch.Tensor:
    """A text as a batch of one where the model is: (1, T). Raises as `attention` does."""
    ids = as_ids(ids, model.config.vocab_size)
    if not 0 < len(ids) <= model.config.block_size:
        raise InputError(
            f"the text has {counted(len(ids), 'token')}: this model can be looked into over 1 to "
            f"{model.config.block_size:,}, its context"
        )
    return torch.tensor([ids.tolist()], device=model.device)


def _sound(found: torch.Tensor) -> torch.Tensor:
    """On the processor, in 32 bits. Raises NotFinite where a number is none."""
    found = found.float().cpu()
    if not found.isfinite().all():
        raise NotFinite
    return found
