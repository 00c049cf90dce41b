"""Measures of scores against outcomes, with weights, so that resampling is a change of weights."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from training.reciprocal import weighted
from training.reciprocal.weighted import Weights

Floats64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Weighted = Callable[[Weights], Floats64]
"""Figures (b,) by weights (b, m) of what it is measured on; NaN where it is not defined."""
Measure = Callable[[npt.NDArray[np.floating], Bools], Weighted]
"""Of scores and outcomes (m,)."""

_AT_ONCE: Final = 20
"""Draws of a bootstrap that are measured together."""


def auc(score: npt.NDArray[np.floating], positive: Bools) -> Weighted:
    """P(a positive scores above a negative), ties count half."""
    x = score.astype(np.float64)
    return lambda weights: weighted.auc(x, positive, weights)


def average_precision(score: npt.NDArray[np.floating], positive: Bools) -> Weighted:
    """Mean precision at the positives; ties are one step."""
    x = score.astype(np.float64)
    return lambda weights: weighted.average_precision(x, positive, weights)


def log_loss(logit: npt.NDArray[np.floating], positive: Bools) -> Weighted:
    """Mean log loss of logits."""
    x = logit.astype(np.float64)
    return mean(np.logaddexp(0.0, x) - x * positive)


def mean(values: Floats64) -> Weighted:
    """The mean of values (m,)."""
    return lambda weights: weights @ values / weights.sum(axis=1, dtype=np.float64)


def plain(of: Weighted, count: int) -> float:
    """The figure with equal weights."""
    return float(of(np.ones((1, count), np.float32))[0])


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
        drawn = np.concatenate([of(weights) for weights in self._weights()])
        return Estimate(plain(of, len(self.group)), drawn)

    def _weights(self) -> Iterator[Weights]:
        """(b, m), some draws at once."""
        rng = np.random.default_rng(self.seed)
        groups = int(self.group.max()) + 1
        for start in range(0, self.draws, _AT_ONCE):
            drawn = [
                np.bincount(rng.integers(0, groups, groups), minlength=groups)
                for _ in range(min(_AT_ONCE, self.draws - start))
            ]
            yield np.array(drawn, np.float32)[:, self.group]
