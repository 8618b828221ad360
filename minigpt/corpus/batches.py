"""A text's tokens as training and validation parts, as random batches, and as fixed windows."""

import math
from collections.abc import Iterable

import numpy as np

from minigpt.config import InputError


def as_ids(ids: Iterable[int], vocab_size: int) -> np.ndarray:
    """Token ids as an array of ints (n,), whatever holds them: a list, an array, a tensor.

    Raises InputError when they are not one row of whole numbers, or not of this vocabulary.
    """
    try:
        if hasattr(ids, "cpu"):  # a tensor, maybe on a graphics card, where numpy cannot read
            ids = ids.cpu()
        found = np.asarray(ids if hasattr(ids, "__len__") else list(ids))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"token ids are one row of whole numbers: these cannot be read as such ({error})"
        ) from error
    if found.ndim != 1:
        raise InputError(
            f"token ids are one row of whole numbers: these have the shape {found.shape}"
        )
    if not len(found):
        return np.empty(0, dtype=np.int64)
    if not np.issubdtype(found.dtype, np.integer):
        raise InputError(f"token ids are whole numbers: these are of type {found.dtype}")
    least, most = int(found.min()), int(found.max())
    if least < 0 or most >= vocab_size:
        raise InputError(
            f"token ids of this model run from 0 to {vocab_size - 1}: there is "
            f"{least if least < 0 else most} among these"
        )
    return found


def split(ids: np.ndarray, val_fraction: float, block_size: int) -> tuple[np.ndarray, np.ndarray]:
    """The first part to train on and the last `val_fraction` to validate on; both of shape (n,).

    Raises InputError as `split_at` does.
    """
    cut = split_at(len(ids), val_fraction, block_size)
    return ids[:cut], ids[cut:]


def split_at(tokens: int, val_fraction: float, block_size: int) -> int:
    """How many of a text's tokens are trained on: all, where fewer than two were left to validate.

    Raises InputError when they cannot fill one context with a next token to predict, and says with
    which text or which context they could.
    """
    cut = trained_on(tokens, val_fraction)
    if cut > block_size:
        return cut
    enough = math.ceil((block_size + 1) / (1 - val_fraction)) + 1  # one more for rounding
    while trained_on(enough - 1, val_fraction) > block_size:
        enough -= 1
    shorter = f" or choose a context of at most {cut - 1:,}" if cut > 1 else ""
    raise InputError(
        f"the text has {_tokens(tokens)}, of which {cut:,} are trained on; a context of "
        f"{block_size:,} needs a text of {_tokens(enough)}: bring more text{shorter}"
    )


def trained_on(tokens: int, val_fraction: float) -> int:
    """How many of a text's tokens are not kept for validation."""
    validated = int(tokens * val_fraction)
    return tokens - validated if validated > 1 else tokens


def measured_on(ids: np.ndarray, cut: int) -> np.ndarray:
    """The ids that losses are told of: those after the ones trained on, or all where none are."""
    return ids[cut:] if cut < len(ids) else ids


def _tokens(count: int) -> str:
    return f"{count:,} {'token' if count == 1 else 'tokens'}"


def batch(
    ids: np.ndarray, block_size: int, batch_size: int, seed: int, step: int
) -> tuple[np.ndarray, np.ndarray]:
    """The inputs and targets of one step, each int64 of shape (batch_size, block_size).

    They come from `(seed, step)` alone, so a resumed run needs no memory of earlier batches.
    """
    rng = np.random.default_rng((seed, step))
    starts = rng.integers(0, len(ids) - block_size, size=(batch_size, 1))
    pieces = ids[starts + np.arange(block_size + 1)].astype(np.int64)  # (batch_size, T + 1)
    return pieces[:, :-1], pieces[:, 1:]


def windows(
    ids: np.ndarray, block_size: int, most: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets that cover `ids` without overlap, each int64 of shape (n, T).

    T is `block_size`, or all there is where `ids` is shorter. With `most`, that many windows,
    evenly spaced, so that every measurement of a run reads the same text.
    """
    T = min(block_size, len(ids) - 1)
    if T < 1:
        raise InputError("a loss needs a text of at least two tokens: bring a longer one")
    starts = np.arange(0, len(ids) - T, T)
    if most is not None and len(starts) > most:
        starts = starts[np.linspace(0, len(starts) - 1, most).round().astype(int)]
    pieces = ids[starts[:, None] + np.arange(T + 1)].astype(np.int64)  # (n, T + 1)
    return pieces[:, :-1], pieces[:, 1:]
