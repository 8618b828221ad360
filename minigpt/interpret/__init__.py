"""Looking inside a model: through `tap`, without touching it."""

from minigpt.interpret.heads import (
    CopyLosses,
    HeadScores,
    head_scores,
    held_out_windows,
    repeated_sequences,
    written_windows,
)
from minigpt.interpret.patterns import attention
from minigpt.interpret.roles import ROLES, UNCLEAR, role_lifts
from minigpt.interpret.taps import Recorder, chain

__all__ = [
    "ROLES",
    "UNCLEAR",
    "CopyLosses",
    "HeadScores",
    "Recorder",
    "attention",
    "chain",
    "head_scores",
    "held_out_windows",
    "repeated_sequences",
    "role_lifts",
    "written_windows",
]
