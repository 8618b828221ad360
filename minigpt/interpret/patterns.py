"""Where each token looks."""

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
    ids = as_ids(ids, model.config.vocab_size)
    if not 0 < len(ids) <= model.config.block_size:
        raise InputError(
            f"the text has {counted(len(ids), 'token')}: attention can be shown for 1 to "
            f"{model.config.block_size:,}, this model's context"
        )
    recorder = Recorder(lambda name: name.endswith("attn.pattern"))
    model.eval()
    read = torch.tensor([ids.tolist()], device=model.device)
    cache, before = None, max(0, len(ids) - (newest or len(ids)))
    if before:
        cache = KVCache(model.config, dtype=model.dtype, device=model.device)
        model(read[:, :before], cache)
    model(read[:, before:], cache, recorder)
    found = torch.cat(list(recorder.activations.values()))  # each (1, H, T - before, T)
    patterns = found.float().cpu()
    if not patterns.isfinite().all():
        raise NotFinite
    return patterns
