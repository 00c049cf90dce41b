"""Counts of likes among swipes, and the rates that live counts go on from."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.behaviour import Prior, rate_after
from training.datasets import Swipes
from training.standing import Side, Standing

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def count(swipes: Swipes, people: int) -> Ints:
    """Likes given, swipes given, likes received, swipes received (n, 4) int64."""
    likes = swipes.take(swipes.liked)
    columns = (likes.viewer, swipes.viewer, likes.candidate, swipes.candidate)
    return np.stack([np.bincount(rows, minlength=people) for rows in columns], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class LiveRates:
    """Rates (n,) of people whose counts were (n, 4), and how they go on from there.

    `given_expected` and `received_expected` (n,): logits that profiles alone let expect.
    """

    given: Floats
    received: Floats
    given_expected: Floats
    received_expected: Floats
    counts: Ints
    given_prior: Prior
    received_prior: Prior

    def given_after(self, people: Ints, now: Ints) -> Floats:
        """Given rates (m,) of rows (m,) once their likes and swipes given are `now` (m, 2)."""
        before = self.counts[people, :2]
        return rate_after(self.given[people], before, now, self.given_prior.swipes)

    def received_after(self, people: Ints, now: Ints) -> Floats:
        """Received rates (m,) of rows (m,) once their likes and swipes received are `now`."""
        before = self.counts[people, 2:]
        return rate_after(self.received[people], before, now, self.received_prior.swipes)


def live_rates(standing: Standing, counts: Ints) -> LiveRates:
    """The rates of a standing, at the counts (n, 4) of the same moment."""
    return LiveRates(
        given=_sigmoid(standing.given_logit()),
        received=_sigmoid(standing.received_logit()),
        given_expected=(standing.level + standing.readiness.expected).astype(np.float32),
        received_expected=(standing.level + standing.appeal.expected).astype(np.float32),
        counts=counts,
        given_prior=_prior(standing.readiness, counts[:, 1], standing.level),
        received_prior=_prior(standing.appeal, counts[:, 3], standing.level),
    )


def _prior(side: Side, swipes: Ints, level: float) -> Prior:
    """The side's prior as a number of swipes, at the information of a typical swipe."""
    each = float(side.information.sum()) / max(1.0, float(swipes.sum()))
    strength = float(np.clip(1.0 / (max(each, 1e-2) * side.variance), 1.0, 50.0))
    return Prior(likes=strength * float(_sigmoid(np.array(level))), swipes=strength)


def _sigmoid(x: npt.NDArray[np.float64]) -> Floats:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)), np.float32)
