"""Trends in a noisy curve, and how far its points lie apart by chance."""

import math

import numpy as np


def mean(values: np.ndarray, neighbours: int) -> np.ndarray:
    """The mean over each value and its neighbours, (n,) to (n,); shorter windows at the ends."""
    at, sums = np.arange(len(values)), np.concatenate([[0.0], np.cumsum(values)])
    first, end = np.maximum(at - neighbours, 0), np.minimum(at + neighbours + 1, len(values))
    return (sums[end] - sums[first]) / (end - first)


def median(values: np.ndarray, neighbours: int) -> np.ndarray:
    """The median over each value and its neighbours, (n,) to (n,)."""
    padded = np.pad(values, neighbours, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * neighbours + 1)
    return np.median(windows, axis=1)


def spread(values: np.ndarray) -> float:
    """How far neighbours lie apart by chance: of each from the middle of the two beside it, so that
    a trend does not count; robust against a few outliers."""
    if len(values) < 3:
        return math.inf
    off = values[1:-1] - (values[:-2] + values[2:]) / 2
    return 1.4826 * float(np.median(np.abs(off))) / math.sqrt(1.5)


def slope_of(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The least-squares slope of y over x, both (n,), n ≥ 3, and its standard error."""
    dx = x - x.mean()
    slope = float(dx @ y / (dx @ dx))
    left = y - y.mean() - slope * dx
    return slope, math.sqrt(float(left @ left) / (len(x) - 2) / float(dx @ dx))
