"""Where each token looks, and how much comes from there."""

from collections.abc import Iterable

import torch

from minigpt.cache import KVCache
from minigpt.config import InputError, NotFinite
from minigpt.corpus import as_ids
from minigpt.counting import counted
from minigpt.interpret.taps import Recorder
from minigpt.model import GPT


@torch.inference_mode()
def attention(model: GPT, ids: Iterable[int], newest: int | None = None) -> torch.Tensor:
    """Where each token looks: (n_layer, n_head, T, T), row = looking token, each row sums to 1.

    `ids` is a list, an array or a tensor (T,). With `newest`, only the rows of so many newest
    tokens, (n_layer, n_head, newest, T): they look at all T as ever, and a long context does not
    take the memory of its square. Raises InputError when `ids` is empty, longer than the context,
    or not of the model's vocabulary, and NotFinite where the model's numbers are none.
    """
    patterns, _ = _read(model, ids, newest)
    return _sound(patterns)


@torch.inference_mode()
def norm_weighted(model: GPT, ids: Iterable[int], newest: int | None = None) -> torch.Tensor:
    """How much each token brings to another: ‖α f(x)‖, weight times the length of what is read
    (Kobayashi et al. 2020, section 3): (n_layer, n_head, T, T), or as `attention` with `newest`.

    f(x) = v(x) W_O is what a head adds to the residual stream where it looks at nothing else: v
    with c_attn's bias, W_O the head's columns of c_proj, without c_proj's bias, which belongs to no
    token. Lengths are those of vectors in the residual stream, so they have no upper bound, rows do
    not sum to 1, and maps compare within one model only. Raises as `attention` does.
    """
    patterns, values = _read(model, ids, newest)
    lengths = torch.stack(
        [_lengths(block.attn.c_proj.weight, v) for block, v in zip(model.h, values, strict=True)]
    )  # (L, H, T)
    return _sound(patterns * lengths[:, :, None, :])


def _lengths(c_proj: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """The length of what each head writes of each token's v, (H, T, D): (H, T)."""
    heads = c_proj.unflatten(1, (len(v), -1)).transpose(0, 1)  # (H, C, D): a head's columns each
    return (v @ heads.transpose(1, 2)).norm(dim=-1)


def _read(
    model: GPT, ids: Iterable[int], newest: int | None
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The patterns (L, H, newest, T), and of each layer the values of all tokens, (H, T, D)."""
    read = as_batch(model, ids)
    recorder = Recorder(lambda name: name.endswith("attn.pattern"))
    model.eval()
    cache = KVCache(model.config, dtype=model.dtype, device=model.device)
    if before := max(0, read.size(1) - (newest or read.size(1))):
        model(read[:, :before], cache)
    model(read[:, before:], cache, recorder)
    patterns = torch.cat(list(recorder.activations.values()))  # each (1, H, T - before, T)
    return patterns, [values[0, :, : cache.length] for values in cache.values]


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
