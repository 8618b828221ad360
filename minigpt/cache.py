"""The key-value cache: what attention already computed for the tokens before."""

import torch

from minigpt.config import GPTConfig


class KVCache:
    """Keys and values of all layers, allocated once for the whole context.

    `length` tokens are held so far; the model advances it after each forward pass.
    """

    def __init__(
        self, config: GPTConfig, batch_size: int = 1, dtype: torch.dtype = torch.float32
    ) -> None:
        shape = (config.n_layer, batch_size, config.n_head, config.block_size, config.head_size)
        self.keys = torch.empty(shape, dtype=dtype)  # (L, B, H, block_size, D)
        self.values = torch.empty(shape, dtype=dtype)
        self.length = 0

    def extend(
        self, layer: int, k: torch.Tensor, v: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Puts k and v, (B, H, T, D), behind those held; returns all, (B, H, length + T, D)."""
        end = self.length + k.size(2)
        self.keys[layer, :, :, self.length : end] = k
        self.values[layer, :, :, self.length : end] = v
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]
