"""The key-value cache: what attention already computed for the tokens before."""

import torch

from minigpt.config import GPTConfig


class KVCache:
    """Keys and values of all layers, allocated once for the whole context.

    `length` tokens are held so far, the newest of them in `newest`, int64 (B, 1), 0 where there is
    none. The model advances both after each forward pass.
    """

    def __init__(
        self,
        config: GPTConfig,
        batch_size: int = 1,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        shape = (batch_size, config.n_head, config.block_size, config.head_size)
        self.keys, self.values = (
            [torch.empty(shape, dtype=dtype, device=device) for _ in range(config.n_layer)]
            for _ in range(2)
        )  # a layer each: (B, H, block_size, D)
        self.newest = torch.zeros(batch_size, 1, dtype=torch.long, device=device)
        self.length = 0

    def extend(
        self, layer: int, k: torch.Tensor, v: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Puts k and v, (B, H, T, D), behind those held; returns all, (B, H, length + T, D)."""
        T = k.size(2)
        keys, values = self.keys[layer], self.values[layer]
        keys.narrow(2, self.length, T).copy_(k)
        values.narrow(2, self.length, T).copy_(v)
        return keys.narrow(2, 0, self.length + T), values.narrow(2, 0, self.length + T)

    def advance(self, ids: torch.Tensor) -> None:
        """Takes in ids (B, T), whose keys and values all layers have just put behind the others."""
        self.length += ids.size(1)
        self.newest = ids[:, -1:]

    def pick(self, rows: torch.Tensor) -> None:
        """Keeps its rows `rows`, int64 (B',), in that order; one may be there more than once."""
        rows = rows.to(self.newest.device)
        for layers in (self.keys, self.values):
            for layer, held in enumerate(layers):
                layers[layer] = held.new_empty(len(rows), *held.shape[1:])
                # What lies behind is written before it is read.
                layers[layer][:, :, : self.length] = held[rows, :, : self.length]
        self.newest = self.newest[rows]

    def clear(self) -> None:
        """Forgets everything."""
        self.length = 0
        self.newest = torch.zeros_like(self.newest)
