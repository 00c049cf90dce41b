"""Means and ratios with their 95% intervals, as `gravity … --json` prints them."""

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray


class Interval(TypedDict):
    """A mean and its 95% interval."""

    mean: float
    low: float
    high: float


def mean_interval(values: NDArray[np.float64]) -> Interval:
    """The mean of independent values (n,) and its normal 95% interval."""
    mean = float(values.mean())
    half = 1.96 * float(values.std(ddof=1)) / np.sqrt(len(values)) if len(values) > 1 else np.inf
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
