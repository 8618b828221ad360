"""A text's tokens as training and validation parts, as random batches, and as fixed windows."""

import numpy as np

from minigpt.config import InputError


def split(ids: np.ndarray, val_fraction: float, block_size: int) -> tuple[np.ndarray, np.ndarray]:
    """The first part to train on and the last `val_fraction` to validate on; both of shape (n,).

    The validation part is empty when it would hold fewer than two tokens. Raises InputError when
    the training part cannot fill one context with a next token to predict.
    """
    cut = len(ids) - int(len(ids) * val_fraction)
    if len(ids) - cut < 2:
        cut = len(ids)
    if cut < block_size + 1:
        least = int(np.ceil((block_size + 1) / (1 - val_fraction)))
        raise InputError(
            f"the text has {len(ids):,} tokens, a context of {block_size:,} needs at least "
            f"{least:,}: bring more text or choose a context of at most {max(cut - 1, 1):,}"
        )
    return ids[:cut], ids[cut:]


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
