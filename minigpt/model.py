"""The GPT (Radford et al. 2019): attention, MLP, block, forward. Nothing else.

Dimension letters: B batch, T tokens (time), C channels (n_embd), H heads, D = C / H head size,
V vocabulary, S tokens attended to (T plus those in the cache). Weights have GPT-2's names.
"""

import math
from collections.abc import Callable

import torch
import torch.nn as nn
import torch.nn.functional as F

from minigpt.cache import KVCache
from minigpt.config import GPTConfig

Tap = Callable[[str, torch.Tensor], torch.Tensor]


def no_tap(name: str, tensor: torch.Tensor) -> torch.Tensor:
    return tensor


class CausalSelfAttention(nn.Module):
    """Each token looks back at the ones before it (Vaswani et al. 2017, eq. 1)."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.n_head, self.head_size = config.n_head, config.head_size
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd, bias=config.bias)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)
        self.dropout = config.dropout

    def forward(self, x: torch.Tensor, layer: int, cache: KVCache | None, tap: Tap) -> torch.Tensor:
        B, T, C = x.shape
        q, k, v = (
            part.view(B, T, self.n_head, self.head_size).transpose(1, 2)  # (B, H, T, D)
            for part in self.c_attn(x).split(C, dim=2)
        )
        q = tap(f"h.{layer}.attn.q", q)
        k = tap(f"h.{layer}.attn.k", k)
        v = tap(f"h.{layer}.attn.v", v)
        if cache is not None:
            k, v = cache.extend(layer, k, v)  # (B, H, S, D)
        S = k.size(2)
        dropout = self.dropout if self.training else 0.0
        if tap is not no_tap:
            scores = q @ k.transpose(-2, -1) / math.sqrt(self.head_size)  # (B, H, T, S)
            pattern = scores.masked_fill(~causal_mask(T, S), float("-inf")).softmax(dim=-1)
            pattern = tap(f"h.{layer}.attn.pattern", pattern)
            z = F.dropout(pattern, dropout) @ v  # (B, H, T, D)
        elif T == S:
            z = F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=dropout)
        else:
            # A single new token may look at everything in the cache: no mask, the fastest kernel.
            mask = None if T == 1 else causal_mask(T, S)
            z = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
        z = tap(f"h.{layer}.attn.z", z)  # (B, H, T, D): what each head found
        y = self.c_proj(z.transpose(1, 2).reshape(B, T, C))
        return F.dropout(y, self.dropout, self.training)


def causal_mask(T: int, S: int) -> torch.Tensor:
    """True where the last T of S tokens may look: (T, S)."""
    return torch.ones(T, S, dtype=torch.bool).tril(diagonal=S - T)


class MLP(nn.Module):
    """Each token thinks for itself: widen fourfold, GELU in GPT-2's tanh form, back."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.c_fc = nn.Linear(config.n_embd, 4 * config.n_embd, bias=config.bias)
        self.c_proj = nn.Linear(4 * config.n_embd, config.n_embd, bias=config.bias)
        self.dropout = config.dropout

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.gelu(self.c_fc(x), approximate="tanh")  # (B, T, 4C)
        return F.dropout(self.c_proj(x), self.dropout, self.training)


class Block(nn.Module):
    """Attention, then MLP, each read from and added to the residual stream."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, bias=config.bias)
        self.attn = CausalSelfAttention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd, bias=config.bias)
        self.mlp = MLP(config)

    def forward(self, x: torch.Tensor, layer: int, cache: KVCache | None, tap: Tap) -> torch.Tensor:
        x = tap(f"h.{layer}.resid_pre", x)
        x = x + tap(f"h.{layer}.attn.out", self.attn(self.ln_1(x), layer, cache, tap))
        x = tap(f"h.{layer}.resid_mid", x)
        x = x + tap(f"h.{layer}.mlp.out", self.mlp(self.ln_2(x)))
        return tap(f"h.{layer}.resid_post", x)


class GPT(nn.Module):
    """A decoder-only transformer over token ids."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.block_size, config.n_embd)
        self.h = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd, bias=config.bias)
        # Tied, the head is the token embedding itself and has no weights of its own.
        self.lm_head = (
            None
            if config.tie_weights
            else nn.Linear(config.n_embd, config.vocab_size, bias=config.bias)
        )
        self.apply(self._initialise)

    def _initialise(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
        if isinstance(module, CausalSelfAttention | MLP):
            # 2 · n_layer outputs add up in the residual stream; this keeps their sum's variance.
            nn.init.normal_(module.c_proj.weight, std=0.02 / math.sqrt(2 * self.config.n_layer))

    def num_parameters(self) -> int:
        return sum(weight.numel() for weight in self.parameters())

    def forward(
        self, ids: torch.Tensor, cache: KVCache | None = None, tap: Tap | None = None
    ) -> torch.Tensor:
        """Logits of the next token at every position.

        ids: int64 (B, T). With a cache, they follow the tokens it holds, and it is extended.
        `tap(name, tensor) -> tensor` sees, and may replace, every named activation.
        Returns (B, T, V). Raises ValueError when the tokens do not fit the context.
        """
        past, T = cache.length if cache else 0, ids.size(1)
        if past + T > self.config.block_size:
            raise ValueError(
                f"{past + T} tokens do not fit the context of {self.config.block_size}: "
                "leave out the oldest"
            )
        tap = tap or no_tap
        x = self.wte(ids) + self.wpe.weight[past : past + T]  # (B, T, C)
        x = tap("embed", F.dropout(x, self.config.dropout, self.training))
        for layer, block in enumerate(self.h):
            x = block(x, layer, cache, tap)
        x = tap("ln_f", self.ln_f(x))
        if cache is not None:
            cache.length += T
        return (
            F.linear(x, self.wte.weight) if self.lm_head is None else self.lm_head(x)
        )  # (B, T, V)
