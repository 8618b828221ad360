"""Looking inside a model: through `tap`, without touching it."""

from minigpt.interpret.attribution import Attribution, attribute
from minigpt.interpret.course import (
    copy_losses_through,
    half_way,
    lifts_through,
    turning_points,
)
from minigpt.interpret.effects import Effects, head_effects, mean_z, next_probs, without
from minigpt.interpret.heads import CopyLosses, HeadScores, Sharp, head_scores, sharpest
from minigpt.interpret.lens import Lens, decision_depth, lens
from minigpt.interpret.patterns import attention, norm_weighted
from minigpt.interpret.roles import ROLES, UNCLEAR, role_lifts
from minigpt.interpret.surprise import surprise
from minigpt.interpret.taps import Recorder, chain
from minigpt.interpret.windows import held_out_windows, repeated_sequences, written_windows

__all__ = [
    "ROLES",
    "UNCLEAR",
    "Attribution",
    "CopyLosses",
    "Effects",
    "HeadScores",
    "Lens",
    "Recorder",
    "Sharp",
    "attention",
    "attribute",
    "chain",
    "copy_losses_through",
    "decision_depth",
    "half_way",
    "head_effects",
    "head_scores",
    "held_out_windows",
    "lens",
    "lifts_through",
    "mean_z",
    "next_probs",
    "norm_weighted",
    "repeated_sequences",
    "role_lifts",
    "sharpest",
    "surprise",
    "turning_points",
    "without",
    "written_windows",
]
