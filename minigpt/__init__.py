"""minigpt: understand how a GPT works by training one.

    >>> from minigpt import GPT, PRESETS
    >>> GPT(PRESETS["classic"].model(vocab_size=100)).num_parameters()
    145764

Names are loaded when first used, so that importing the light parts never waits for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minigpt.beam import BeamTree, beam_search
    from minigpt.cache import KVCache
    from minigpt.config import GPTConfig, InputError, SampleConfig, TrainConfig
    from minigpt.generation import Step, generate, generate_together, stops
    from minigpt.interpret import (
        Recorder,
        attention,
        head_effects,
        head_scores,
        held_out_windows,
    )
    from minigpt.metrics import Metrics
    from minigpt.model import GPT
    from minigpt.recipes import PRESETS
    from minigpt.store import Store
    from minigpt.tokenizers import BPETokenizer, CharTokenizer, Tokenizer
    from minigpt.trainer import Diverged, Trainer

_HOME_OF = {
    "BPETokenizer": "minigpt.tokenizers",
    "BeamTree": "minigpt.beam",
    "CharTokenizer": "minigpt.tokenizers",
    "Diverged": "minigpt.trainer",
    "GPT": "minigpt.model",
    "GPTConfig": "minigpt.config",
    "InputError": "minigpt.config",
    "KVCache": "minigpt.cache",
    "Metrics": "minigpt.metrics",
    "PRESETS": "minigpt.recipes",
    "Recorder": "minigpt.interpret",
    "SampleConfig": "minigpt.config",
    "Step": "minigpt.generation",
    "Store": "minigpt.store",
    "Tokenizer": "minigpt.tokenizers",
    "TrainConfig": "minigpt.config",
    "Trainer": "minigpt.trainer",
    "attention": "minigpt.interpret",
    "beam_search": "minigpt.beam",
    "generate": "minigpt.generation",
    "generate_together": "minigpt.generation",
    "head_effects": "minigpt.interpret",
    "head_scores": "minigpt.interpret",
    "held_out_windows": "minigpt.interpret",
    "stops": "minigpt.generation",
}

__all__ = [
    "GPT",
    "PRESETS",
    "BPETokenizer",
    "BeamTree",
    "CharTokenizer",
    "Diverged",
    "GPTConfig",
    "InputError",
    "KVCache",
    "Metrics",
    "Recorder",
    "SampleConfig",
    "Step",
    "Store",
    "Tokenizer",
    "TrainConfig",
    "Trainer",
    "attention",
    "beam_search",
    "generate",
    "generate_together",
    "head_effects",
    "head_scores",
    "held_out_windows",
    "stops",
]


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'minigpt' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return __all__
