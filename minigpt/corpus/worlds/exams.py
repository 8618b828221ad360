"""Right answers: where in a world's text the rule leaves no choice."""

from dataclasses import dataclass
from itertools import chain

import numpy as np

from minigpt.corpus.worlds.world import World


@dataclass(frozen=True)
class Exam:
    """Lines from their beginnings, and where in them there is a right answer.

    inputs, targets: int64 (n, T); asked: bool (n, T), of the targets.
    """

    inputs: np.ndarray
    targets: np.ndarray
    asked: np.ndarray


EXAM_LINES, EXAM_TOKENS = 64, 128


def exam(world: World, text: str, ids: np.ndarray, block_size: int) -> Exam | None:
    """An exam in a text of this world that the model does not learn from; one id a character.

    Its pieces begin where lines do: in the middle of a line even who knows the rule cannot know.
    None where the rule fixes nothing, or the text is too short.
    """
    T = min(block_size, EXAM_TOKENS)
    starts = [0, *(i + 1 for i, character in enumerate(text) if character == "\n")]
    starts = [start for start in starts[1:] if start + T < len(text)]
    if not starts:
        return None
    chosen = np.linspace(0, len(starts) - 1, min(EXAM_LINES, len(starts))).round().astype(int)
    pieces = [text[starts[i] : starts[i] + T + 1] for i in chosen]
    asked = np.array(
        [list(chain(*map(world.answers, piece.splitlines(keepends=True)))) for piece in pieces]
    )[:, 1:]
    if not asked.any():
        return None
    tokens = np.stack([ids[starts[i] : starts[i] + T + 1] for i in chosen]).astype(np.int64)
    return Exam(tokens[:, :-1], tokens[:, 1:], asked)
