"""Measures under many weightings at once: what a bootstrap asks for, sorted only once.

weights: (b, m), one row for each replicate; ones (1, m) give the plain measure.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.reciprocal.ratings import Bools, Floats

Weights = npt.NDArray[np.float32]


def rmse(errors: Floats, weights: Weights) -> Floats:
    """Root mean squares (b,) of errors (m,)."""
    total = np.maximum(weights.sum(axis=1, dtype=np.float64), 1e-12)
    return np.asarray(np.sqrt(weights @ errors**2 / total), np.float64)


def auc(score: Floats, positive: Bools, weights: Weights) -> Floats:
    """Areas (b,) under the curve; ties count half. NaN without positives or negatives."""
    steps = _Steps.of(score, positive, weights)
    below = steps.negatives - np.cumsum(steps.negative, axis=1)
    won = (steps.positive * (below + 0.5 * steps.negative)).sum(axis=1)
    return _share(won, (steps.positives * steps.negatives)[:, 0])


def average_precision(score: Floats, positive: Bools, weights: Weights) -> Floats:
    """Average precisions (b,): mean precision at each positive, ties taken together."""
    steps = _Steps.of(score, positive, weights)
    true = np.cumsum(steps.positive, axis=1)
    shown = true + np.cumsum(steps.negative, axis=1)
    precision = true / np.maximum(shown, 1e-12)
    return _share((steps.positive * precision).sum(axis=1), steps.positives[:, 0])


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """Weights of positives and negatives (b, g) at each distinct score, the highest first."""

    positive: Floats
    negative: Floats

    @classmethod
    def of(cls, score: Floats, positive: Bools, weights: Weights) -> "_Steps":
        if not len(score):
            nothing = np.zeros((len(weights), 0))
            return cls(nothing, nothing)
        order = np.argsort(-score, kind="stable")
        ordered = score[order]
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        sorted_weights, is_positive = weights[:, order].astype(np.float64), positive[order]
        parts = (
            np.add.reduceat(sorted_weights * chosen, starts, axis=1)
            for chosen in (is_positive, ~is_positive)
        )
        return cls(*parts)

    @property
    def positives(self) -> Floats:
        """All of them (b, 1)."""
        return np.asarray(self.positive.sum(axis=1, keepdims=True))

    @property
    def negatives(self) -> Floats:
        """All of them (b, 1)."""
        return np.asarray(self.negative.sum(axis=1, keepdims=True))


def _share(part: Floats, whole: Floats) -> Floats:
    unknown = np.full(len(whole), np.nan)
    return np.asarray(np.divide(part, whole, out=unknown, where=whole > 0), np.float64)
