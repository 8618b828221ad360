"""Looking inside a model: through `tap`, without touching it."""

from minigpt.interpret.ablation import Part, averages, parts_of, removed, without
from minigpt.interpret.arithmetic import Walk, edited, set_by_hand, walk
from minigpt.interpret.attribution import Attribution, attribute
from minigpt.interpret.course import copy_losses_through, half_way, lifts_through, turning_points
from minigpt.interpret.effects import Effects, head_effects, next_probs
from minigpt.interpret.embeddings import (
    Plane,
    aligned,
    by_chance,
    embedding,
    neighbours,
    plane,
    token_class,
)
from minigpt.interpret.heads import CopyLosses, HeadScores, Sharp, head_scores, sharpest
from minigpt.interpret.learned import Groups, losses_by_class, losses_by_order
from minigpt.interpret.lens import Decisions, Lens, decision_depth, decisions, lens
from minigpt.interpret.matters import Matters, token_effect, what_matters
from minigpt.interpret.patterns import (
    attention,
    attention_by_layer,
    norm_weighted,
    norms_by_layer,
)
from minigpt.interpret.roles import ROLES, UNCLEAR, role_lifts
from minigpt.interpret.surprise import ByPosition, by_position, guesses, surprise
from minigpt.interpret.taps import Recorder, chain
from minigpt.interpret.windows import held_out_windows, repeated_sequences, written_windows

__all__ = [
    "ROLES",
    "UNCLEAR",
    "Attribution",
    "ByPosition",
    "CopyLosses",
    "Decisions",
    "Effects",
    "Groups",
    "HeadScores",
    "Lens",
    "Matters",
    "Part",
    "Plane",
    "Recorder",
    "Sharp",
    "Walk",
    "aligned",
    "attention",
    "attention_by_layer",
    "attribute",
    "averages",
    "by_chance",
    "by_position",
    "chain",
    "copy_losses_through",
    "decision_depth",
    "decisions",
    "edited",
    "embedding",
    "guesses",
    "half_way",
    "head_effects",
    "head_scores",
    "held_out_windows",
    "lens",
    "lifts_through",
    "losses_by_class",
    "losses_by_order",
    "neighbours",
    "next_probs",
    "norm_weighted",
    "norms_by_layer",
    "parts_of",
    "plane",
    "removed",
    "repeated_sequences",
    "role_lifts",
    "set_by_hand",
    "sharpest",
    "surprise",
    "token_class",
    "token_effect",
    "turning_points",
    "walk",
    "what_matters",
    "without",
    "written_windows",
]
