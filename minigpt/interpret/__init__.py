"""Looking inside a model: through `tap`, without touching it."""

from minigpt.interpret.recorder import Recorder, attention

__all__ = ["Recorder", "attention"]
