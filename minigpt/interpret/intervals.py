"""How sure a mean is: intervals by resampling windows (the bootstrap; Efron 1979)."""

import math

import numpy as np

LEAST_WINDOWS = 8  # of fewer, an interval would say little, and look as if it said much
DRAWS, MOST_DRAWS = 1_000, 20_000


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


def paired(
    differences: np.ndarray, level: float = 0.95, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The interval at `level` of the mean of differences (n, parts), each of which belongs to a
    window that is compared with itself.

    The windows are drawn anew with replacement, and how far a draw's mean then is from the mean is
    told in its own standard errors (the symmetric bootstrap-t; Hall 1988; Efron & Tibshirani 1993,
    ch. 12.5): of few windows, and at a level near 1, that holds what it says, where percentiles are
    too narrow. There are a thousand draws, and more where fewer than ten would lie outside.
    Returns low and high, each (parts,): nan where there are fewer than `LEAST_WINDOWS` windows, and
    without end where the mean rests on a window that many draws miss.
    """
    n, mean = len(differences), differences.mean(0)
    if n < LEAST_WINDOWS:
        return np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    apart = np.where(np.ptp(differences, axis=0) > 0, differences - mean, 0.0)  # 0, not nearly 0
    draws = max(DRAWS, min(MOST_DRAWS, math.ceil(10 / (1 - level))))
    shares = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), draws) / n  # (draws, n)
    off = shares @ apart  # (draws, parts)
    spread = np.sqrt(np.maximum(shares @ apart**2 - off**2, 0))
    missed = np.where(off == 0, 0.0, np.inf)  # where a draw has one window over and over
    errors = np.divide(np.abs(off), spread, out=missed, where=spread > 0)
    reach = np.quantile(errors, level, axis=0, method="higher")
    reach = np.where(apart.any(0), reach * np.sqrt((apart**2).mean(0)), 0.0)
    return mean - reach, mean + reach
