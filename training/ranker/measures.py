"""Measures of scores against outcomes, with weights, so that resampling is a change of weights."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Measure = Callable[[npt.NDArray[np.floating], Bools, Floats64], float]
"""Of scores (m,), outcomes (m,) and weights (m,); NaN where it is not defined."""

_BINS: Final = 10


def auc(score: npt.NDArray[np.floating], positive: Bools, weight: Floats64) -> float:
    """P(a positive scores above a negative), ties count half."""
    _, place = np.unique(score, return_inverse=True)
    ups = np.bincount(place, weight * positive)
    downs = np.bincount(place, weight * ~positive)
    below = np.cumsum(downs) - downs
    pairs = ups.sum() * downs.sum()
    return float(((below + 0.5 * downs) * ups).sum() / pairs) if pairs > 0 else float("nan")


def average_precision(score: npt.NDArray[np.floating], positive: Bools, weight: Floats64) -> float:
    """Mean precision at the positives; ties are one step."""
    _, place = np.unique(-score, return_inverse=True)
    ups, all_ = np.bincount(place, weight * positive), np.bincount(place, weight)
    total = ups.sum()
    if total <= 0:
        return float("nan")
    precision = np.cumsum(ups) / np.maximum(np.cumsum(all_), 1e-12)
    return float((precision * ups).sum() / total)


def log_loss(logit: npt.NDArray[np.floating], positive: Bools, weight: Floats64) -> float:
    """Mean log loss of logits."""
    x = logit.astype(np.float64)
    return float(np.average(np.logaddexp(0.0, x) - x * positive, weights=weight))


def calibration_error(logit: npt.NDArray[np.floating], positive: Bools, weight: Floats64) -> float:
    """Mean distance of predicted from observed shares over tenths of the predictions (ECE)."""
    p = 0.5 * (1.0 + np.tanh(0.5 * logit.astype(np.float64)))
    tenth = np.empty(len(p), np.int64)
    tenth[np.argsort(p, kind="stable")] = np.arange(len(p)) * _BINS // max(1, len(p))
    gap = np.bincount(tenth, weight * (p - positive), minlength=_BINS)
    return float(np.abs(gap).sum() / max(float(weight.sum()), 1e-12))


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """Resampling of whole groups: `group` (m,) from 0 says what belongs together. The same draws
    for every method, so that differences are paired."""

    group: Ints
    draws: int
    seed: int

    def weights(self) -> Iterator[Floats64]:
        """Weights (m,) of each draw."""
        rng = np.random.default_rng(self.seed)
        groups = int(self.group.max()) + 1
        for _ in range(self.draws):
            drawn = rng.integers(0, groups, groups)
            yield np.bincount(drawn, minlength=groups).astype(np.float64)[self.group]

    def estimate(self, of: Callable[[Floats64], float]) -> Estimate:
        """What `of` finds for the weights as they are, and its spread over the draws."""
        drawn = [of(weight) for weight in self.weights()]
        low, high = np.nanquantile(drawn, (0.025, 0.975)).tolist()
        return Estimate(of(np.ones(len(self.group))), float(low), float(high))
