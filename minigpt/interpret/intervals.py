"""How sure a mean is: 95 % intervals by resampling windows (the bootstrap; Efron 1979)."""

import numpy as np

LEAST_WINDOWS = 8  # of fewer, an interval would say little, and look as if it said much
DRAWS = 1_000


def interval(
    top: np.ndarray, bottom: np.ndarray | None = None, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % interval of sum(top) / sum(bottom) over windows, which are drawn anew with
    replacement, a thousand times (the percentile bootstrap; Efron & Tibshirani 1993, ch. 13).

    top: (n, ...), what each window has; bottom: (n, ...) that broadcasts to it, 1 for a mean.
    Returns low and high, each (...); nan where there are fewer than `LEAST_WINDOWS` windows.
    """
    n = len(top)
    if n < LEAST_WINDOWS:
        return np.full(top.shape[1:], np.nan), np.full(top.shape[1:], np.nan)
    if bottom is None:
        bottom = np.ones((n, *(1,) * (top.ndim - 1)))
    times = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), DRAWS)  # (draws, n)
    tops, bottoms = np.tensordot(times, top, 1), np.tensordot(times, bottom, 1)  # (draws, ...)
    ratios = np.divide(tops, bottoms, out=np.full_like(tops, np.nan), where=bottoms > 0)
    low, high = np.quantile(ratios, (0.025, 0.975), axis=0)
    return low, high
