"""Measures of scores against outcomes, with weights, so that resampling is a change of weights."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Weighted = Callable[[Floats64], float]
"""A figure by the weights (m,) of what it is measured on; NaN where it is not defined."""
Measure = Callable[[npt.NDArray[np.floating], Bools], Weighted]
"""Of scores and outcomes (m,); what does not depend on weights is done once."""


def auc(score: npt.NDArray[np.floating], positive: Bools) -> Weighted:
    """P(a positive scores above a negative), ties count half."""
    _, place = np.unique(score, return_inverse=True)

    def of(weight: Floats64) -> float:
        ups, downs = np.bincount(place, weight * positive), np.bincount(place, weight * ~positive)
        below = np.cumsum(downs) - downs
        pairs = ups.sum() * downs.sum()
        return float(((below + 0.5 * downs) * ups).sum() / pairs) if pairs > 0 else float("nan")

    return of


def average_precision(score: npt.NDArray[np.floating], positive: Bools) -> Weighted:
    """Mean precision at the positives; ties are one step."""
    _, place = np.unique(-score, return_inverse=True)

    def of(weight: Floats64) -> float:
        ups, shown = np.bincount(place, weight * positive), np.bincount(place, weight)
        precision = np.cumsum(ups) / np.maximum(np.cumsum(shown), 1e-12)
        total = ups.sum()
        return float((precision * ups).sum() / total) if total > 0 else float("nan")

    return of


def log_loss(logit: npt.NDArray[np.floating], positive: Bools) -> Weighted:
    """Mean log loss of logits."""
    x = logit.astype(np.float64)
    losses = np.logaddexp(0.0, x) - x * positive
    return lambda weight: float(np.average(losses, weights=weight))


def mean(values: Floats64) -> Weighted:
    """The mean of values (m,)."""
    return lambda weight: float(np.average(values, weights=weight))


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """A figure, and the same on each of the resamples (draws,)."""

    value: float
    resampled: Floats64

    def interval(self) -> tuple[float, float]:
        """The 95% interval by percentiles."""
        low, high = np.nanquantile(self.resampled, (0.025, 0.975)).tolist()
        return float(low), float(high)

    def minus(self, other: "Estimate") -> "Estimate":
        """The difference, draw by draw, of two from the same bootstrap."""
        return Estimate(self.value - other.value, self.resampled - other.resampled)


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """Resampling of whole groups: `group` (m,) from 0 says what belongs together. The draws are
    the same for every figure, so that differences are paired."""

    group: Ints
    draws: int
    seed: int

    def estimate(self, of: Weighted) -> Estimate:
        """What `of` finds for equal weights, and for those of each draw."""
        drawn = np.array([of(weight) for weight in self._weights()])
        return Estimate(of(np.ones(len(self.group))), drawn)

    def _weights(self) -> Iterator[Floats64]:
        rng = np.random.default_rng(self.seed)
        groups = int(self.group.max()) + 1
        for _ in range(self.draws):
            drawn = rng.integers(0, groups, groups)
            yield np.bincount(drawn, minlength=groups).astype(np.float64)[self.group]
