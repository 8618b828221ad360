"""The settings of a model, of its training and of its sampling: frozen, validated, JSON.

Names follow nanoGPT. Every field carries its bounds and one plain sentence; the command line and
the Train page show that sentence as help, so it is written once. Nothing here imports torch.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from types import MappingProxyType
from typing import Any, Self, get_args, get_type_hints


class InputError(ValueError):
    """Something a person gave cannot be used; the message tells what, the limit, and what to do."""


def setting(default: Any, help: str, *, low: float | None = None, high: float | None = None) -> Any:
    """A dataclass field with its help sentence and its inclusive bounds."""
    return field(default=default, metadata={"help": help, "low": low, "high": high})


class Settings:
    """What every config shares: checks at construction, a way to JSON and back."""

    def __post_init__(self) -> None:
        hints = _type_hints(type(self))
        for spec in fields(self):
            object.__setattr__(
                self,
                spec.name,
                _checked(spec.name, getattr(self, spec.name), hints[spec.name], spec.metadata),
            )

    def replace(self, **changes: Any) -> Self:
        """A copy with some settings changed, checked again."""
        return replace(self, **changes)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def help_of(cls, name: str) -> str:
        """The sentence that explains a setting."""
        (text,) = (spec.metadata["help"] for spec in fields(cls) if spec.name == name)
        return text

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Inverse of `to_json`. Raises InputError on malformed JSON or an unknown setting."""
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise InputError(f"the {cls.__name__} is not valid JSON: {error}") from error
        known = {spec.name for spec in fields(cls)}
        if not isinstance(values, dict) or not set(values) <= known:
            raise InputError(f"a {cls.__name__} has only the settings {', '.join(sorted(known))}")
        try:
            return cls(**values)
        except TypeError as error:
            raise InputError(f"the {cls.__name__} is incomplete: {error}") from error


@cache
def _type_hints(config: type) -> dict[str, Any]:
    return get_type_hints(config)


def _checked(name: str, value: Any, hint: Any, bounds: Mapping[str, Any]) -> Any:
    """`value` as the type of its field and within its bounds, or an InputError that names it."""
    kinds = get_args(hint) or (hint,)
    if value is None and type(None) in kinds:
        return None
    if float in kinds and type(value) is int:
        value = float(value)
    if type(value) not in kinds:
        wanted = " or ".join(kind.__name__ for kind in kinds if kind is not type(None))
        raise InputError(f"{name} is {value!r}: it has to be of type {wanted}")
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{name} is {value}: it has to be a finite number")
    low, high = bounds.get("low"), bounds.get("high")
    if low is not None and value < low:
        raise InputError(f"{name} is {value}: the least is {low}")
    if high is not None and value > high:
        raise InputError(f"{name} is {value}: the most is {high}")
    return value


@dataclass(frozen=True)
class GPTConfig(Settings):
    """The shape of a GPT. Raises InputError when a setting is out of bounds or they clash."""

    vocab_size: int = setting(100, "How many different tokens the model knows.", low=1, high=65_536)
    block_size: int = setting(
        64, "The context: how many tokens the model sees at once.", low=1, high=4_096
    )
    n_layer: int = setting(
        2, "How many blocks of attention and MLP follow each other.", low=1, high=48
    )
    n_head: int = setting(4, "How many attention heads each layer has.", low=1, high=64)
    n_embd: int = setting(
        64,
        "The width: how many numbers stand for one token. A multiple of the heads.",
        low=1,
        high=2_048,
    )
    dropout: float = setting(
        0.0,
        "The share of activations silenced at random while training, against overfitting.",
        low=0.0,
        high=0.9,
    )
    bias: bool = setting(True, "Whether linear layers and LayerNorms add a learned constant.")
    tie_weights: bool = setting(
        False, "Whether the output layer reuses the token embedding (Press & Wolf 2017)."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_embd % self.n_head:
            raise InputError(
                f"n_embd is {self.n_embd} and n_head is {self.n_head}: "
                "the width has to be a multiple of the number of heads"
            )

    @property
    def head_size(self) -> int:
        return self.n_embd // self.n_head

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every weight of `GPT(self)`, told without building it."""
        C, V, L = self.n_embd, self.vocab_size, range(self.n_layer)
        norms = {f"h.{i}.ln_{n}": (C,) for i in L for n in (1, 2)} | {"ln_f": (C,)}
        linears = {
            f"h.{i}.{name}": shape
            for i in L
            for name, shape in {
                "attn.c_attn": (3 * C, C),
                "attn.c_proj": (C, C),
                "mlp.c_fc": (4 * C, C),
                "mlp.c_proj": (C, 4 * C),
            }.items()
        }
        if not self.tie_weights:
            linears["lm_head"] = (V, C)
        shapes = {"wte.weight": (V, C), "wpe.weight": (self.block_size, C)}
        for name, shape in (norms | linears).items():
            shapes[f"{name}.weight"] = shape
            if self.bias:
                shapes[f"{name}.bias"] = shape[:1]
        return shapes

    def num_parameters(self) -> int:
        return sum(math.prod(shape) for shape in self.weight_shapes().values())


@dataclass(frozen=True)
class TrainConfig(Settings):
    """How a model is trained: AdamW with warm-up, cosine decay and clipping."""

    max_steps: int = setting(
        1_000, "How many batches the model learns from.", low=1, high=1_000_000
    )
    batch_size: int = setting(
        8, "How many pieces of text each step learns from.", low=1, high=1_024
    )
    learning_rate: float = setting(
        1e-3,
        "How far each step moves the weights. Too high and the loss jumps; too low and it crawls.",
        low=1e-6,
        high=1.0,
    )
    min_lr_ratio: float = setting(
        0.1, "Where the learning rate ends, as a share of its peak.", low=0.0, high=1.0
    )
    warmup_steps: int = setting(
        50, "Over how many first steps the learning rate rises from zero.", low=0, high=100_000
    )
    lr_decay_steps: int | None = setting(
        None,
        "Over how many steps the learning rate falls to its end, where it stays; none means all.",
        low=1,
        high=1_000_000,
    )
    weight_decay: float = setting(
        0.1, "How strongly the weights are pulled towards zero (AdamW).", low=0.0, high=10.0
    )
    beta1: float = setting(
        0.9, "AdamW: how long the average of gradients remembers.", low=0.0, high=0.9999
    )
    beta2: float = setting(
        0.99, "AdamW: how long the average of squared gradients remembers.", low=0.0, high=0.99999
    )
    grad_clip: float = setting(
        1.0,
        "The longest gradient allowed; longer ones are shortened. 0 switches it off.",
        low=0.0,
        high=1e6,
    )
    val_fraction: float = setting(
        0.1, "The share of the text, from its end, kept for validation.", low=0.0, high=0.5
    )
    eval_interval: int = setting(
        50,
        "After how many steps the loss on unseen text is measured and a sample is written.",
        low=1,
        high=100_000,
    )
    eval_batches: int = setting(
        8, "How many batches of unseen text that measurement reads.", low=1, high=1_000
    )
    seed: int = setting(
        1, "The start of all chance: the same seed gives the same run.", low=0, high=2**32 - 1
    )


@dataclass(frozen=True)
class SampleConfig(Settings):
    """How the next token is chosen. Temperature 0 always takes the most likely one."""

    max_new_tokens: int = setting(200, "How many tokens to write.", low=1, high=10_000)
    temperature: float = setting(
        0.8,
        "Low: safe and repetitive. High: bold, with mistakes. 0: always the likeliest token.",
        low=0.0,
        high=5.0,
    )
    top_k: int | None = setting(
        None, "Only the k most likely tokens may be chosen.", low=1, high=65_536
    )
    top_p: float | None = setting(
        None,
        "Only the most likely tokens that together reach this probability may be chosen "
        "(nucleus sampling, Holtzman et al. 2020).",
        low=0.01,
        high=1.0,
    )
    seed: int = setting(
        1, "The start of all chance: the same seed gives the same text.", low=0, high=2**32 - 1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if 0 < self.temperature < 0.01:
            raise InputError(f"temperature is {self.temperature:g}: choose 0, or at least 0.01")


@dataclass(frozen=True)
class Preset:
    """A named recipe: the shape of a model, and how to train it."""

    summary: str
    shape: Mapping[str, Any]
    train: TrainConfig

    def model(self, vocab_size: int, **changes: Any) -> GPTConfig:
        """The model's config for a vocabulary; `changes` overrides single settings."""
        return GPTConfig(**{**self.shape, "vocab_size": vocab_size, **changes})


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "classic": Preset(
            "The first Mini-GPT: 2 layers, 4 heads, width 64, context 512.",
            MappingProxyType({"block_size": 512, "n_layer": 2, "n_head": 4, "n_embd": 64}),
            TrainConfig(max_steps=1_000, batch_size=4, learning_rate=3e-3),
        ),
        "gpt2": Preset(
            "GPT-2's architecture in nanoGPT's CPU size: 4 layers, 4 heads, width 128, context 64.",
            MappingProxyType(
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
    }
)
