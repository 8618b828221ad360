"""The ingredients of the modern recipe, and what stands in for each when it is left out."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from minigpt.config import GPTConfig, TrainConfig
from minigpt.recipes.presets import PRESETS, Preset

# The first setting of each is the switch itself; the rates of AdamW are those that did best for it.
WITHOUT: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "muon": {"optimizer": "adamw", "learning_rate": 6e-3, "warmup_steps": 10},
        "bigram": {"bigram": False},
        "rope": {"position": "learned"},
        "relu2": {"activation": "gelu"},
        "qk_norm": {"qk_norm": False},
        "zero_init": {"zero_init": False},
        "rmsnorm": {"norm": "layernorm"},
        "untied head": {"tie_weights": True},
        "trapezoid": {"schedule": "cosine"},
    }
)


def switch_of(ingredient: str) -> str:
    """The setting that turns an ingredient on and off."""
    return next(iter(WITHOUT[ingredient]))


def ingredients_of(model: GPTConfig, train: TrainConfig) -> list[str]:
    """Those of the modern recipe that a run has.

    >>> modern, classic = PRESETS["modern"], PRESETS["classic"]
    >>> ingredients_of(classic.model(65), classic.train)
    ['untied head']
    >>> len(ingredients_of(modern.model(65), modern.train))
    9
    """
    modern = PRESETS["modern"]
    values = vars(model) | vars(train)
    wanted = vars(modern.model(model.vocab_size)) | vars(modern.train)
    return [name for name in WITHOUT if values[switch_of(name)] == wanted[switch_of(name)]]


def without(preset: Preset, ingredient: str) -> Preset:
    """The recipe with what `WITHOUT` names in place of one ingredient."""
    model_settings = GPTConfig.__dataclass_fields__
    changes = WITHOUT[ingredient]
    shape = {name: value for name, value in changes.items() if name in model_settings}
    train = {name: value for name, value in changes.items() if name not in model_settings}
    return replace(preset, shape={**preset.shape, **shape}, train=preset.train.replace(**train))
