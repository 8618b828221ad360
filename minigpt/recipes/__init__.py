"""What is known to train well: presets, and what each ingredient of the modern one is worth."""

from minigpt.recipes.ingredients import WITHOUT, ingredients_of, switch_of, without
from minigpt.recipes.presets import DEFAULT_PRESET, PRESETS, Frozen, Preset

__all__ = [
    "DEFAULT_PRESET",
    "PRESETS",
    "WITHOUT",
    "Frozen",
    "Preset",
    "ingredients_of",
    "switch_of",
    "without",
]
