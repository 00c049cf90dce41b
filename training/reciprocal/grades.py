"""Ratings as grades: where an opinion, a number with noise, falls between thresholds.

Ten grades are no ruler: what lies between a 1 and a 2 is not what lies between a 9 and a 10, and
nobody goes beyond the ends. P(rating <= k) = Phi((threshold_k - opinion) / deviation), as in Albert
& Chib, Bayesian Analysis of Binary and Polychotomous Response Data, JASA 1993; thresholds are moved
with the opinions integrated out (Cowles, Statistics and Computing 1996), which mixes far better.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import ndtr, ndtri

from training.reciprocal.ratings import GRADES, LIKED, Floats, Ints

_STEP: Final = 0.02
_LEAST: Final = 1e-12
_TINY: Final = 1e-300
_SPREAD: Final = 1.3
"""Deviation of the opinions to begin with, noise included, where noise has 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Graded:
    """Of m opinions without their noise: expected rating (m,) and P(like) (m,)."""

    rating: Floats
    like: Floats


class Thresholds:
    """The bounds between grades, moved with every draw; grade k lies in (bound[k-1], bound[k])."""

    def __init__(self, grade: Ints) -> None:
        """Starts where the shares of the grades (m,) are met by normal opinions."""
        self._grade = grade
        self._rows = [np.flatnonzero(grade == k) for k in range(GRADES + 1)]
        # Half a rating each, so that a grade nobody gave has its place too.
        share = np.cumsum(np.bincount(grade, minlength=GRADES + 1)[1:] + 0.5)
        inner = _SPREAD * ndtri(share[:-1] / share[-1])
        self._bound = np.concatenate(([-np.inf], inner, [np.inf]))

    def move(self, mean: Floats, deviation: Floats, rng: np.random.Generator) -> None:
        """One Metropolis step of each bound, given opinions without noise and its deviation."""
        for k in range(1, GRADES):
            proposed = float(self._bound[k] + _STEP * rng.standard_normal())
            if not self._bound[k - 1] < proposed < self._bound[k + 1]:
                continue
            gain = 0.0
            for rows, low, high, new_low, new_high in (
                (self._rows[k], self._bound[k - 1], self._bound[k], None, proposed),
                (self._rows[k + 1], self._bound[k], self._bound[k + 1], proposed, None),
            ):
                at, scale = mean[rows], deviation[rows]
                after = _log_inside(
                    low if new_low is None else new_low,
                    high if new_high is None else new_high,
                    at,
                    scale,
                )
                gain += after - _log_inside(low, high, at, scale)
            if np.log(rng.random()) < gain:
                self._bound[k] = proposed

    def opinions(self, mean: Floats, deviation: Floats, rng: np.random.Generator) -> Floats:
        """Opinions (m,) with their noise, each within its grade: a truncated normal."""
        low, high = self._bound[self._grade - 1], self._bound[self._grade]
        # Mirrored where the grade lies above the mean: probabilities near 1 have no digits left.
        side = np.where(low > mean, -deviation, deviation)
        ends = ndtr((low - mean) / side), ndtr((high - mean) / side)
        least = np.minimum(*ends)
        at = least + (np.maximum(*ends) - least) * rng.random(len(mean))
        drawn = mean + side * ndtri(np.clip(at, _TINY, 1.0 - _LEAST))
        return np.asarray(np.clip(drawn, low, high), np.float64)

    def graded(self, mean: Floats, deviation: Floats) -> Graded:
        """What opinions without noise come to."""
        above = ndtr((mean[:, None] - self._bound[1:GRADES]) / deviation[:, None])
        return Graded(1.0 + above.sum(axis=1), above[:, LIKED - 2])


def _log_inside(low: float, high: float, mean: Floats, deviation: Floats) -> float:
    # Mirrored as in `opinions`; both ends of a grade are on the same side of whom that matters for.
    side = np.where(low > mean, -deviation, deviation)
    inside = np.abs(ndtr((high - mean) / side) - ndtr((low - mean) / side))
    return float(np.log(np.maximum(inside, _TINY)).sum())
