"""Scores into probabilities: one logistic regression per gender of the viewer.

The inputs of each held-out swipe are those of its moment: factors learned before its day, rates
of counts before its day. The flow reads the counts from the feature store's point-in-time join;
`counts_before` is the same from arrays.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from features.behaviour import GENDERS, logit
from features.score import Calibration, Calibrations
from training.datasets import DAY_MS, Datasets, Swipes
from training.factors import Factors
from training.rates import LiveRates, count
from training.snapshot import People

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

_LEAST_OF_EACH: Final = 100
_RIDGE: Final = 1e-2


@dataclass(frozen=True, slots=True, eq=False)
class PairCounts:
    """Counts (m, 4) int64 of m swipes' viewers and candidates before the midnight (UTC) of each:
    likes given, swipes given, likes received, swipes received."""

    viewer: npt.NDArray[np.int64]
    candidate: npt.NDArray[np.int64]

    @property
    def given(self) -> npt.NDArray[np.int64]:
        """(m, 2): likes and swipes that the viewers gave."""
        return self.viewer[:, :2]

    @property
    def received(self) -> npt.NDArray[np.int64]:
        """(m, 2): likes and swipes that the candidates received."""
        return self.candidate[:, 2:]


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Of m pairs: factor score, logits of the two smoothed rates (m,) float32; gender of viewer."""

    score: Floats
    given: Floats
    received: Floats
    gender: npt.NDArray[np.uint8]


def counts_before(datasets: Datasets, pairs: Swipes) -> PairCounts:
    """Point-in-time counts of pairs (in order of time): everything before the day of each."""
    people = len(datasets.people)
    viewer, candidate = np.zeros((2, len(pairs), 4), np.int64)
    start = 0
    for day in np.unique(pairs.day).tolist():
        counts = count(datasets.seen.between(0, day), people)
        of_day = pairs.between(day, day + 1)
        rows = slice(start, start + len(of_day))
        viewer[rows], candidate[rows] = counts[of_day.viewer], counts[of_day.candidate]
        start += len(of_day)
    return PairCounts(viewer, candidate)


def counts_of(at: npt.NDArray[np.int64], pairs: Swipes) -> PairCounts:
    """Counts of pairs (m,) out of people's counts (n, 4) of one moment."""
    return PairCounts(at[pairs.viewer], at[pairs.candidate])


def inputs_of(
    people: People, pairs: Swipes, counts: PairCounts, factors: Factors, rates: LiveRates
) -> Inputs:
    """Inputs of the calibration for pairs (m,)."""
    taste, appeal = factors.taste[pairs.viewer], factors.appeal[pairs.candidate]
    return Inputs(
        score=np.asarray(np.einsum("md,md->m", taste, appeal), np.float32),
        given=logit(rates.given_after(pairs.viewer, counts.given)),
        received=logit(rates.received_after(pairs.candidate, counts.received)),
        gender=people.gender[pairs.viewer],
    )


def calibrate(inputs: Inputs, liked: Bools) -> Calibrations:
    """Coefficients by gender; a gender with fewer than 100 likes or passes gets everybody's."""
    everybody = _fit(inputs, liked, np.ones(len(liked), bool))
    fitted: Calibrations = {}
    for gender in GENDERS:
        of_gender = inputs.gender == gender
        likes = np.count_nonzero(liked & of_gender)
        enough = min(likes, np.count_nonzero(of_gender) - likes) >= _LEAST_OF_EACH
        fitted[gender] = _fit(inputs, liked, of_gender) if enough else everybody
    return fitted


def _fit(inputs: Inputs, liked: Bools, rows: Bools) -> Calibration:
    x = np.stack((inputs.score[rows], inputs.given[rows], inputs.received[rows]), axis=1)
    y = liked[rows]
    if y.all() or not y.any():
        # One outcome only: trust the rates, which are smoothed, and no factor.
        return Calibration(k=0.0, w_given=0.5, w_received=0.5, intercept=0.0)
    # The score's unit is arbitrary; without scaling the ridge would weigh on it by that unit.
    unit = float(np.std(x[:, 0])) or 1.0
    x[:, 0] /= unit
    model = LogisticRegression(C=1.0 / _RIDGE, max_iter=200).fit(x, y)
    k, w_given, w_received = (float(w) for w in model.coef_[0])
    found = Calibration(k / unit, w_given, w_received, float(model.intercept_[0]))
    # Noise may turn a sign in a tiny market; disliking one's own taste helps nobody.
    return found if k >= 0.0 else replace(found, k=0.0)


def predicted(inputs: Inputs, calibrations: Calibrations) -> Floats:
    """Calibrated logits (m,) float32."""
    table = np.zeros((max(GENDERS) + 1, 4))
    for gender, c in calibrations.items():
        table[gender] = c.k, c.w_given, c.w_received, c.intercept
    k, w_given, w_received, intercept = table[inputs.gender].T
    x = k * inputs.score + w_given * inputs.given + w_received * inputs.received + intercept
    return np.asarray(x, np.float32)


def midnight_ms(pairs: Swipes) -> npt.NDArray[np.int64]:
    """Start of each swipe's UTC day (m,) in milliseconds: the moment its features are of."""
    return np.asarray(pairs.day * DAY_MS, np.int64)
