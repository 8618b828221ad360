"""The presets: named recipes, from the first Mini-GPT to what was found since GPT-2."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from minigpt.config import GPTConfig, TrainConfig


class Frozen(Mapping[str, Any]):
    """A mapping that cannot be changed, but, unlike a `MappingProxyType`, copied and pickled."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Frozen({self._values})"


@dataclass(frozen=True)
class Preset:
    """A named recipe: the shape of a model, and how to train it."""

    summary: str
    shape: Mapping[str, Any]
    train: TrainConfig

    def model(self, vocab_size: int, **changes: Any) -> GPTConfig:
        """The model's config for a vocabulary; `changes` overrides single settings."""
        return GPTConfig(**{**self.shape, "vocab_size": vocab_size, **changes})


MODERN = Frozen(
    {
        "bias": False,
        "norm": "rmsnorm",
        "position": "rope",
        "activation": "relu2",
        "qk_norm": True,
        "qk_gain": 8.0,  # what heads of 64 reach without one
        "zero_init": True,
        "bigram": True,
    }
)
FAST = TrainConfig(
    optimizer="muon",
    learning_rate=0.03,
    muon_learning_rate=0.03,
    schedule="trapezoid",
    cooldown=0.8,
    min_lr_ratio=0.0,
    warmup_steps=0,
    weight_decay=0.0,
    beta1=0.75,
    beta2=0.95,
    grad_clip=0.0,
)

PRESETS: Mapping[str, Preset] = Frozen(
    {
        "classic": Preset(
            "Small and simple, the first Mini-GPT: 2 layers, 4 heads, width 64, context 512.",
            Frozen({"block_size": 512, "n_layer": 2, "n_head": 4, "n_embd": 64}),
            TrainConfig(max_steps=1_000, batch_size=4, learning_rate=3e-3),
        ),
        "gpt2": Preset(
            "Built like GPT-2 of 2019, in nanoGPT's size for a computer without a graphics card: 4 "
            "layers, 4 heads, width 128, context 64.",
            Frozen(
                {
                    "block_size": 64,
                    "n_layer": 4,
                    "n_head": 4,
                    "n_embd": 128,
                    "bias": False,
                    "tie_weights": True,
                }
            ),
            TrainConfig(
                max_steps=2_000,
                batch_size=12,
                learning_rate=1e-3,
                warmup_steps=100,
                eval_interval=100,
                eval_batches=10,
            ),
        ),
        "modern": Preset(
            "With what was found since GPT-2, so that it learns faster: 4 layers, 4 heads, width "
            "96, context 128.",
            Frozen({**MODERN, "block_size": 128, "n_layer": 4, "n_head": 4, "n_embd": 96}),
            FAST.replace(
                max_steps=500,
                batch_size=16,
                eval_interval=25,
                learning_rate=0.02,
                muon_learning_rate=0.02,
                weight_decay=0.1,
            ),
        ),
        "speedrun": Preset(
            "The fastest to words: 2 layers, 1 head, width 64, context 64.",
            Frozen({**MODERN, "block_size": 64, "n_layer": 2, "n_head": 1, "n_embd": 64}),
            FAST.replace(max_steps=130, batch_size=32, eval_interval=10, eval_batches=4),
        ),
        "shakespeare": Preset(
            "The best for ten minutes on two cores: 4 layers, 3 heads, width 192, context 256.",
            Frozen({**MODERN, "block_size": 256, "n_layer": 4, "n_head": 3, "n_embd": 192}),
            FAST.replace(
                max_steps=1_600,
                batch_size=8,
                eval_interval=100,
                learning_rate=0.015,
                muon_learning_rate=0.02,
                weight_decay=0.25,
                cooldown=0.7,
                beta1=0.8,
                precision="bfloat16",
            ),
        ),
        "baby": Preset(
            "nanoGPT's baby GPT, for a graphics card: 6 layers, 6 heads, width 384, context 256.",
            Frozen(
                {
                    "block_size": 256,
                    "n_layer": 6,
                    "n_head": 6,
                    "n_embd": 384,
                    "dropout": 0.2,
                    "bias": False,
                    "tie_weights": True,
                }
            ),
            TrainConfig(
                max_steps=5_000,
                batch_size=64,
                learning_rate=1e-3,
                min_lr_ratio=0.1,
                warmup_steps=100,
                eval_interval=250,
                precision="bfloat16",
            ),
        ),
    }
)
DEFAULT_PRESET = "modern"
