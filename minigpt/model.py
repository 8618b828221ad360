"""The GPT (Radford et al. 2019), and the switches that made it modern. Nothing else.

Dimension letters: B batch, T tokens (time), C channels (n_embd), H heads, D = C / H head size,
V vocabulary, S tokens attended to (T plus those in the cache). Weights have GPT-2's names.
What each switch is, and where it comes from, stands with its field in `GPTConfig`.
"""

import math
from collections.abc import Callable
from itertools import islice
from typing import Self

import torch
import torch.nn as nn
import torch.nn.functional as F

from minigpt.cache import KVCache
from minigpt.config import GPTConfig

Tap = Callable[[str, torch.Tensor], torch.Tensor]

# Every activation that passes `tap`, in the order of the forward pass, with its shape; M is the
# MLP's n_hidden. The bigram and the position embedding are there where the model has them.
TAPS = {
    "embed.token": "B T C",
    "embed.bigram": "B T C",
    "embed.position": "T C",
    "embed": "B T C",  # their sum: what the first block reads
    "h.{layer}.resid_pre": "B T C",
    "h.{layer}.attn.q": "B H T D",  # q and k as they meet: normed and rotated
    "h.{layer}.attn.k": "B H T D",
    "h.{layer}.attn.v": "B H T D",
    "h.{layer}.attn.pattern": "B H T S",  # each row sums to 1
    "h.{layer}.attn.z": "B H T D",  # what each head found
    "h.{layer}.attn.out": "B T C",
    "h.{layer}.resid_mid": "B T C",
    "h.{layer}.mlp.hidden": "B T M",
    "h.{layer}.mlp.out": "B T C",
    "h.{layer}.resid_post": "B T C",
    "ln_f": "B T C",
    "logits": "B T V",
}


def no_tap(name: str, tensor: torch.Tensor) -> torch.Tensor:
    return tensor


# A small model writes a token in less time than nn.Module takes to look for hooks and to find
# `self.weight`. `tap` is the seam for looking inside, so modules here are called without hooks,
# and these two, of which there are most, reach straight for their weights.
class Linear(nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weights = self._parameters
        return F.linear(x, weights["weight"], weights["bias"])

    __call__ = forward


class LayerNorm(nn.LayerNorm):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weights = self._parameters
        size = self.normalized_shape
        return torch.layer_norm(x, size, weights["weight"], weights["bias"], self.eps)

    __call__ = forward


def new_norm(config: GPTConfig, size: int, *, learns: bool) -> nn.Module:
    """Brings the last `size` numbers to one scale: LayerNorm, with gains (and biases) where it
    learns, or RMSNorm, which here learns nothing: the next layer can scale as well."""
    if config.norm == "rmsnorm":
        return nn.RMSNorm(size, eps=1e-5, elementwise_affine=False)
    return LayerNorm(size, elementwise_affine=learns, bias=config.bias)


def rotations(config: GPTConfig) -> torch.Tensor:
    """RoPE's angles as complex numbers of length 1: (block_size, D / 2).

    Pair i of a head turns by 10000^(-2i / D) radians a token (Su et al. 2021, eq. 15).
    """
    speeds = 10_000.0 ** (-torch.arange(0, config.head_size, 2) / config.head_size)
    angles = torch.outer(torch.arange(config.block_size), speeds)
    return torch.polar(torch.ones_like(angles), angles)


def rotate(x: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """Turns each pair of neighbouring numbers of x (B, H, T, D) by `turns` (T, D / 2)."""
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))  # (B, H, T, D / 2)
    return torch.view_as_real(pairs * turns).flatten(-2).type_as(x)


class CausalSelfAttention(nn.Module):
    """Each token looks back at the ones before it (Vaswani et al. 2017, eq. 1)."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.n_head, self.head_size = config.n_head, config.head_size
        self.scale = config.attention_scale
        self.qk_norm = new_norm(config, config.head_size, learns=False) if config.qk_norm else None
        self.c_attn = Linear(config.n_embd, 3 * config.n_embd, bias=config.bias)
        self.c_proj = Linear(config.n_embd, config.n_embd, bias=config.bias)
        self.dropout = config.dropout

    def forward(
        self,
        x: torch.Tensor,
        turns: torch.Tensor | None,
        layer: int,
        cache: KVCache | None,
        tap: Tap,
    ) -> torch.Tensor:
        B, T, C = x.shape
        qkv = self.c_attn(x).view(B, T, 3, self.n_head, self.head_size).unbind(2)
        q, k, v = (part.transpose(1, 2) for part in qkv)  # each (B, H, T, D)
        if self.qk_norm is not None:
            q, k = self.qk_norm(q), self.qk_norm(k)
        if turns is not None:
            q, k = rotate(q, turns), rotate(k, turns)
        q = tap(f"h.{layer}.attn.q", q)
        k = tap(f"h.{layer}.attn.k", k)
        v = tap(f"h.{layer}.attn.v", v)
        if cache is not None:
            k, v = cache.extend(layer, k, v)  # (B, H, S, D)
        S = k.size(2)
        if tap is not no_tap:
            scores = q @ k.transpose(-2, -1) * self.scale  # (B, H, T, S)
            mask = causal_mask(T, S, x.device)
            pattern = scores.masked_fill(~mask, float("-inf")).softmax(dim=-1)
            pattern = tap(f"h.{layer}.attn.pattern", pattern)
            z = pattern @ v  # (B, H, T, D)
        elif T == S:
            z = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=self.scale)
        else:
            # A single new token may look at everything in the cache: no mask, the fastest kernel.
            mask = None if T == 1 else causal_mask(T, S, x.device)
            z = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=self.scale)
        z = tap(f"h.{layer}.attn.z", z)  # (B, H, T, D)
        y = self.c_proj(z.transpose(1, 2).reshape(B, T, C))
        return F.dropout(y, self.dropout) if self.training else y

    __call__ = forward


def causal_mask(T: int, S: int, device: torch.device) -> torch.Tensor:
    """True where the last T of S tokens may look: (T, S)."""
    return torch.ones(T, S, dtype=torch.bool, device=device).tril(diagonal=S - T)


def gelu(x: torch.Tensor) -> torch.Tensor:
    return F.gelu(x, approximate="tanh")  # GPT-2's form


def relu2(x: torch.Tensor) -> torch.Tensor:
    x = F.relu(x)
    return x * x


def swiglu(x: torch.Tensor) -> torch.Tensor:
    gate, value = x.chunk(2, dim=-1)
    return F.silu(gate) * value


ACTIVATIONS = {"gelu": gelu, "relu2": relu2, "swiglu": swiglu}


class MLP(nn.Module):
    """Each token thinks for itself: widen, bend, back."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        gates = 2 if config.activation == "swiglu" else 1
        self.c_fc = Linear(config.n_embd, gates * config.n_hidden, bias=config.bias)
        self.c_proj = Linear(config.n_hidden, config.n_embd, bias=config.bias)
        self.activation = ACTIVATIONS[config.activation]
        self.dropout = config.dropout

    def forward(self, x: torch.Tensor, layer: int, tap: Tap) -> torch.Tensor:
        hidden = tap(f"h.{layer}.mlp.hidden", self.activation(self.c_fc(x)))  # (B, T, n_hidden)
        y = self.c_proj(hidden)
        return F.dropout(y, self.dropout) if self.training else y

    __call__ = forward


class Block(nn.Module):
    """Attention, then MLP, each read from and added to the residual stream."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.ln_1 = new_norm(config, config.n_embd, learns=True)
        self.attn = CausalSelfAttention(config)
        self.ln_2 = new_norm(config, config.n_embd, learns=True)
        self.mlp = MLP(config)

    def forward(
        self,
        x: torch.Tensor,
        turns: torch.Tensor | None,
        layer: int,
        cache: KVCache | None,
        tap: Tap,
    ) -> torch.Tensor:
        x = tap(f"h.{layer}.resid_pre", x)
        x = x + tap(f"h.{layer}.attn.out", self.attn(self.ln_1(x), turns, layer, cache, tap))
        x = tap(f"h.{layer}.resid_mid", x)
        x = x + tap(f"h.{layer}.mlp.out", self.mlp(self.ln_2(x), layer, tap))
        return tap(f"h.{layer}.resid_post", x)

    __call__ = forward


class GPT(nn.Module):
    """A decoder-only transformer over token ids."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        if config.bigram:
            self.bigram = nn.Embedding(config.bigram_rows, config.n_embd)
        if config.position == "learned":
            self.wpe = nn.Embedding(config.block_size, config.n_embd)
        # No buffer: model.to(torch.bfloat16) would make real numbers of these complex ones.
        self.turns = rotations(config) if config.position == "rope" else None
        self.h = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.ln_f = new_norm(config, config.n_embd, learns=True)
        # Tied, the head is the token embedding itself and has no weights of its own.
        self.lm_head = (
            None
            if config.tie_weights
            else Linear(config.n_embd, config.vocab_size, bias=config.bias)
        )
        self.apply(self._initialise)

    def _initialise(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
        if isinstance(module, CausalSelfAttention | MLP):
            # 2 · n_layer outputs add up in the residual stream; this keeps their sum's variance.
            std = 0.0 if self.config.zero_init else 0.02 / math.sqrt(2 * self.config.n_layer)
            nn.init.normal_(module.c_proj.weight, std=std)
        if module is self and self.config.zero_init and self.lm_head is not None:
            nn.init.zeros_(self.lm_head.weight)

    def _apply(self, *args: object, **kwargs: object) -> Self:
        """What `to`, `cuda` and `half` do to the weights; the turns follow them to their device."""
        super()._apply(*args, **kwargs)
        if self.turns is not None:
            self.turns = self.turns.to(self.device)
        return self

    @property
    def device(self) -> torch.device:
        """Where the weights are, and where ids have to be."""
        return self.wte.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """The kind of numbers the weights are."""
        return self.wte.weight.dtype

    def num_parameters(self) -> int:
        return sum(weight.numel() for weight in self.parameters())

    def _pairs(self, ids: torch.Tensor) -> torch.Tensor:
        """Which row of the bigram embedding each token and the one before it have: (B, T) of ids
        (B, 1 + T). Where there are more pairs than rows, by Knuth's multiplicative hash."""
        pairs = ids[:, :-1] * self.config.vocab_size + ids[:, 1:]
        if self.config.vocab_size**2 <= self.config.bigram_rows:
            return pairs
        return pairs * 2_654_435_761 % 2**32 * self.config.bigram_rows >> 32

    def forward(
        self, ids: torch.Tensor, cache: KVCache | None = None, tap: Tap | None = None
    ) -> torch.Tensor:
        """Logits of the next token at every position.

        ids: int64 (B, T). With a cache, they follow the tokens it holds, and it is extended.
        `tap(name, tensor) -> tensor` sees, and may replace, every activation of TAPS.
        Returns (B, T, V). Raises ValueError when the tokens do not fit the context.
        """
        past, T = cache.length if cache else 0, ids.size(1)
        if past + T > self.config.block_size:
            raise ValueError(
                f"{past + T} tokens do not fit the context of {self.config.block_size}: "
                "leave out the oldest"
            )
        tap = tap or no_tap
        x = tap("embed.token", self.wte(ids))  # (B, T, C)
        if self.config.bigram:
            before = torch.zeros_like(ids[:, :1]) if cache is None else cache.newest
            pairs = self._pairs(torch.cat([before, ids], dim=1))
            x = x + tap("embed.bigram", self.bigram(pairs))
        if self.turns is None:
            x = x + tap("embed.position", self.wpe.weight[past : past + T])
        x = tap("embed", F.dropout(x, self.config.dropout) if self.training else x)
        logits = self.onward(x, 0, cache, tap)
        if cache is not None:
            cache.advance(ids)
        return logits

    def onward(
        self, x: torch.Tensor, first: int, cache: KVCache | None = None, tap: Tap = no_tap
    ) -> torch.Tensor:
        """What the blocks from number `first` on, and the head, make of the residual stream x
        (B, T, C) before them: logits (B, T, V)."""
        past, T = cache.length if cache else 0, x.size(1)
        turns = None if self.turns is None else self.turns[past : past + T]
        for layer, block in islice(enumerate(self.h), first, None):
            x = block(x, turns, layer, cache, tap)
        x = tap("ln_f", self.ln_f(x))
        return tap("logits", self.unembed(x))  # (B, T, V)

    def unembed(self, x: torch.Tensor) -> torch.Tensor:
        """What the head makes of normed places of the residual stream: (…, C) → logits (…, V)."""
        return F.linear(x, self.wte.weight) if self.lm_head is None else self.lm_head(x)


def new_model(config: GPTConfig, seed: int) -> GPT:
    """A model with fresh weights that come from `seed` alone."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return GPT(config)
