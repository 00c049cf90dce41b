"""How far predicted probabilities are from what happened.

The expected calibration error sorts predictions into bins of equal mass and averages the distance
between the mean prediction and the share of likes of a bin (Naeini, Cooper & Hauskrecht, AAAI 2015,
with equal mass instead of equal width). It is never 0: a bin of m swipes with share s is off by
about .8 sqrt(s (1 - s) / m) even where every probability is exact (`error_by_chance`).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

BINS: Final = 10
_GROUPS: Final = 20
_DRAWS: Final = 20
_T_95: Final = 2.093
"""Student's t of 19 degrees of freedom."""


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Of b bins by rising prediction: mean prediction, share of likes, swipes; each (b,)."""

    predicted: Floats
    observed: Floats
    swipes: Ints

    @property
    def error(self) -> float:
        """The expected calibration error; NaN without swipes."""
        if not len(self.swipes):
            return float("nan")
        return float(np.average(np.abs(self.predicted - self.observed), weights=self.swipes))


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """The error, and its 95% interval over people."""

    value: float
    low: float
    high: float


def reliability(p: Floats, liked: npt.NDArray[np.generic]) -> Reliability:
    """Bins of predictions p (m,) and outcomes (m,), bool, or probabilities where truth is known."""
    # The mean prediction is compared to 1e-3: float32 sums would do, but cost nothing to avoid.
    p, outcome = np.asarray(p, np.float64), np.asarray(liked, np.float64)
    order = np.argsort(p, kind="stable")
    bins = [each for each in np.array_split(order, BINS) if len(each)]
    return Reliability(
        predicted=np.array([p[each].mean() for each in bins]),
        observed=np.array([outcome[each].mean() for each in bins]),
        swipes=np.array([len(each) for each in bins], np.int64),
    )


def calibration_error(p: Floats, liked: npt.NDArray[np.generic], person: Ints) -> CalibrationError:
    """The error of m swipes, with an interval by the jackknife over twenty groups of `person` (m,).

    A bootstrap would not do: drawing people twice adds noise, and noise is an error here. The low
    end is cut off at 0. NaN where there are fewer than two swipes a bin.
    """
    if len(p) < 2 * BINS:
        return CalibrationError(*[float("nan")] * 3)
    value = reliability(p, liked).error
    group = person % _GROUPS
    kept = [group != each for each in range(_GROUPS)]
    without = np.array([reliability(p[rows], liked[rows]).error for rows in kept])
    error = float(np.sqrt((_GROUPS - 1) * without.var()))
    return CalibrationError(value, max(0.0, value - _T_95 * error), value + _T_95 * error)


def error_by_chance(p: Floats, rng: np.random.Generator) -> float:
    """The mean error of exact probabilities p (m,): what chance alone makes of it."""
    drawn = [reliability(p, rng.random(len(p)) < p).error for _ in range(_DRAWS)]
    return float(np.mean(drawn))


def tenth_of(value: Floats, person: Ints, *, lowest: bool) -> Bools:
    """Whether each swipe's `person` (m,) is in the tenth of them with the lowest (highest) value.

    `value` (n,) is of people; the tenth is of the people among the swipes, not of the swipes.
    """
    people = np.unique(person)
    signed = value if lowest else -value
    order = people[np.argsort(signed[people], kind="stable")]
    return np.isin(person, order[: max(1, len(order) // 10)])
