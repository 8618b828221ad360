"""Looking inside a model: through `tap`, without touching it."""

from minigpt.interpret.patterns import attention
from minigpt.interpret.taps import Recorder, chain

__all__ = ["Recorder", "attention", "chain"]
