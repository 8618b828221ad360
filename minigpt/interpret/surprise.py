"""How much each token of a text surprises a model."""

import math
from collections.abc import Iterable

import numpy as np
import torch

from minigpt.config import NotFinite
from minigpt.evaluation import nats
from minigpt.interpret.patterns import as_batch
from minigpt.model import GPT


@torch.inference_mode()
def surprise(model: GPT, ids: Iterable[int]) -> np.ndarray:
    """−log₂ p of every token but the first, given those before it: (T - 1,) bits. Raises as
    `attention` does."""
    model.eval()
    batch = as_batch(model, ids)
    bits = nats(model(batch)[:, :-1], batch[:, 1:])[0] / math.log(2)
    if not bits.isfinite().all():
        raise NotFinite
    return bits.cpu().numpy()
