"""The text that heads are measured on, in windows: int64 (n, T)."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch

from minigpt.config import InputError, SampleConfig
from minigpt.corpus import as_ids
from minigpt.corpus import windows as cut
from minigpt.counting import counted
from minigpt.generation import generate_together
from minigpt.interpret.intervals import LEAST_WINDOWS
from minigpt.interpret.roles import FIRST_ROW
from minigpt.memory import AT_ONCE, NUMBER, of_cache
from minigpt.model import GPT

WINDOW, WINDOWS, ROWS = 128, 16, 2_000  # at most so long; at least so many, and rows in them
SHORTEST = 16  # of a window of a short text, where the context holds so many
SHORTEST_PERIOD, LONGEST_PERIOD, COPIES = 6, 25, 4  # of repeated sequences
MOST_WRITTEN = 10_000  # tokens, which gives a context of 9 or 10 fewer rows


def held_out_windows(ids: Iterable[int], block_size: int) -> np.ndarray:
    """Windows of `ids` for the measurements of heads: int64 (n, T), without overlap, evenly spaced.

    T is the context, but at most 128, and of a short text less, so that there are 16 windows, but
    not under 16; n is as many as give 2,000 rows from row 8 on, and at least 16, where the text has
    them. Raises InputError when the context has no such row, or the text is not enough for 8
    windows.
    """
    ids = np.asarray(ids)
    _check_context(block_size)
    T = min(block_size, WINDOW, max(SHORTEST, (len(ids) - 1) // WINDOWS))
    if len(ids) <= LEAST_WINDOWS * T:
        raise InputError(
            f"there {'is' if len(ids) == 1 else 'are'} {counted(len(ids), 'token')} to measure "
            f"heads on, and it takes at least {LEAST_WINDOWS * T + 1:,}: bring a longer text"
        )
    return cut(ids, T, max(WINDOWS, -(-ROWS // (T - FIRST_ROW))))[0]


def _check_context(block_size: int) -> None:
    if block_size <= FIRST_ROW:
        raise InputError(
            f"this model's context holds {counted(block_size, 'token')}: what its heads do is "
            f"measured from the {FIRST_ROW + 1}th token on, so it takes a longer one"
        )


def written_windows(model: GPT, prompt: Iterable[int], seed: int = 0) -> np.ndarray:
    """The same out of what the model itself writes after a prompt, at temperature 1, each window a
    text of its own: int64 (n, T).

    For a run whose text nobody else may read. Raises InputError when the context has no row 8.
    """
    _check_context(model.config.block_size)
    T, prompt = min(model.config.block_size, WINDOW), list(prompt)
    n = min(MOST_WRITTEN // T, max(WINDOWS, -(-ROWS // (T - FIRST_ROW))))
    usual = SampleConfig(max_new_tokens=T, temperature=1.0)
    configs = [replace(usual, seed=seed * n + i) for i in range(n)]
    held = of_cache(model.config, model.config.block_size) // NUMBER  # of each text
    at_once, texts = max(1, AT_ONCE // max(model.config.vocab_size, held)), []
    for first in range(0, n, at_once):
        steps = generate_together(model, prompt, configs[first : first + at_once], candidates=0)
        texts += zip(*([step.id for step in row] for row in steps), strict=True)
    return np.array(texts)


def repeated_sequences(
    windows: np.ndarray, block_size: int, seed: int = 0
) -> tuple[np.ndarray, int] | None:
    """Sequences of different tokens, repeated, and their period: int64 (n, copies × period).

    The tokens are drawn as often as they stand in `windows`. The period is the longest of 6 to 25
    that the context holds twice and for which there are enough different tokens, but not longer
    than the distance at which pairs of tokens come again in this text: of a repetition unlike all
    that it has met, a model can tell nothing. There are four copies, or as many as the context
    holds. None where even a period of 6 is too long.
    """
    counts = np.bincount(windows.ravel())
    kinds = np.flatnonzero(counts)
    usual = max(SHORTEST_PERIOD, recurrence(windows) or LONGEST_PERIOD)
    period = min(LONGEST_PERIOD, usual, block_size // 2, len(kinds))
    if period < SHORTEST_PERIOD:
        return None
    copies = min(COPIES, block_size // period)
    rows = copies * period - max(period, FIRST_ROW)  # those that have an earlier copy
    chances, rng = counts[kinds] / counts.sum(), np.random.default_rng(seed)
    once = [
        rng.choice(kinds, period, replace=False, p=chances)
        for _ in range(max(WINDOWS, -(-ROWS // rows)))
    ]
    return np.tile(np.stack(once), copies), period


def recurrence(windows: np.ndarray) -> int | None:
    """After how many tokens a pair of neighbouring tokens comes again within a window: the median
    over all that do, None where none does.

    >>> recurrence(np.array([[5, 6, 7, 5, 6, 7, 5, 6]]))
    3
    """
    distances = []
    for ids in windows.tolist():
        newest: dict[tuple[int, int], int] = {}
        for at, pair in enumerate(pairwise(ids)):
            if pair in newest:
                distances.append(at - newest[pair])
            newest[pair] = at
    return int(np.median(distances)) if distances else None


def too_few(model: GPT, windows: np.ndarray) -> str:
    """Why there are no repeated sequences."""
    least, context = SHORTEST_PERIOD, model.config.block_size
    kinds = len(np.unique(windows))
    why = (
        f"this model's context holds {counted(context, 'token')}"
        if context < 2 * least
        else f"this text has {kinds:,}"
        if kinds != 1
        else "this text is one token over and over"
    )
    return (
        "Induction and the same token before are not measured: they are looked for in sequences of "
        f"at least {least} different tokens, twice over, and {why}."
    )


def checked(model: GPT, windows: np.ndarray) -> np.ndarray:
    """Windows as int64 (n, T). Raises InputError."""
    windows, most = np.asarray(windows), model.config.block_size
    if windows.ndim != 2 or not windows.size:
        raise InputError(f"windows of text are rows of token ids: these are {windows.shape}")
    as_ids(windows.ravel(), model.config.vocab_size)
    if not FIRST_ROW < windows.shape[1] <= most:
        raise InputError(
            f"each window has {counted(windows.shape[1], 'token')}: to measure heads takes "
            f"{FIRST_ROW + 1} to {most:,}, this model's context"
        )
    return windows.astype(np.int64)


def batches(model: GPT, windows: np.ndarray) -> Iterator[torch.Tensor]:
    """The windows where the model is, so many at once that the attention of all its heads, and its
    logits, stay small: each (b, T)."""
    config, T = model.config, windows.shape[1]
    numbers = T * max(config.n_layer * config.n_head * T, config.vocab_size)  # of a window
    size = max(1, AT_ONCE // numbers)
    for start in range(0, len(windows), size):
        yield torch.from_numpy(windows[start : start + size]).to(model.device)
