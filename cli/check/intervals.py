"""Means and ratios with their 95% intervals, as `gravity … --json` prints them."""

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray


class Interval(TypedDict):
    """A mean and its 95% interval."""

    mean: float
    low: float
    high: float


def mean_interval(values: NDArray[np.float64]) -> Interval | None:
    """The mean of independent values (n,) and its normal 95% interval; None below two values."""
    if len(values) < 2:
        return None
    mean = float(values.mean())
    half = 1.96 * float(values.std(ddof=1)) / float(np.sqrt(len(values)))
    return {"mean": round(mean, 4), "low": round(mean - half, 4), "high": round(mean + half, 4)}


def ratio_low(
    above: NDArray[np.float64],
    below: NDArray[np.float64],
    rng: np.random.Generator,
    draws: int = 2000,
) -> float:
    """The lower 95% bound of mean(above) / mean(below), pairs (n,) resampled together."""
    picks = rng.integers(0, len(above), size=(draws, len(above)))
    ratios = above[picks].mean(axis=1) / np.maximum(below[picks].mean(axis=1), 1e-12)
    return float(np.quantile(ratios, 0.025))
