"""Readiness to like and appeal to others, each judged by whom one met.

A share of likes says who was shown as much as who was asked: somebody shown to the choosy looks
unloved. So both are fitted together, as the two sides of

    logit P(u likes v) = level + readiness_u + appeal_v,

with normal priors around what a person's gender and attributes let expect, whose variances are
fitted too. The rates of a release are these against a typical other, so that a live count can go on
from them (`Standing.given_prior`).
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from training.datasets import Swipes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_ROUNDS: Final = 10
_REFIT_ROUNDS: Final = 4
_RIDGE: Final = 20.0
_VARIANCES: Final = (0.05, 16.0)


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One effect of n people: posterior mean and information (n,), prior mean (n,) and variance."""

    effect: Floats
    information: Floats
    expected: Floats
    variance: float


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """Readiness and appeal of n people (logits around 0 over the swipes), and the level."""

    readiness: Side
    appeal: Side
    level: float

    def given_logit(self) -> Floats:
        """Logit (n,) of the share of likes that each gives to typical people."""
        return np.asarray(self.level + self.readiness.effect)

    def received_logit(self) -> Floats:
        """Logit (n,) of the share of likes that each gets from typical people."""
        return np.asarray(self.level + self.appeal.effect)


def fit_standing(
    swipes: Swipes, own: Floats, start: Standing | None = None, weight: Floats | None = None
) -> Standing:
    """Both effects after swipes (m,); `own` (n, q) are the people's coordinates for the priors.

    From an earlier standing a few rounds are enough. `weight` (m,): what each swipe counts.
    """
    weight = np.ones(len(swipes)) if weight is None else weight
    choosers = _Regression.of(own, swipes.viewer)
    chosen = _Regression.of(own, swipes.candidate)
    standing = start or _blank(swipes, len(own))
    for _ in range(_REFIT_ROUNDS if start else _ROUNDS):
        x = _logits(standing, swipes)
        readiness = _step(standing.readiness, swipes.viewer, swipes.liked, x, weight)
        standing = replace(standing, readiness=_with_prior(readiness, choosers))
        x = _logits(standing, swipes)
        appeal = _step(standing.appeal, swipes.candidate, swipes.liked, x, weight)
        standing = _centred(replace(standing, appeal=_with_prior(appeal, chosen)), swipes)
    return standing


def _blank(swipes: Swipes, people: int) -> Standing:
    mean = float(np.clip(swipes.liked.mean(), 1e-3, 1.0 - 1e-3))
    nothing = Side(np.zeros(people), np.zeros(people), np.zeros(people), 1.0)
    return Standing(nothing, nothing, float(np.log(mean / (1.0 - mean))))


@dataclass(frozen=True, slots=True, eq=False)
class _Regression:
    """Ridge regression on coordinates (n, q) over the people who have swipes on a side, (n,)."""

    own: Floats
    known: npt.NDArray[np.bool_]
    inverse: Floats

    @classmethod
    def of(cls, own: Floats, person: Ints) -> "_Regression":
        known = np.bincount(person, minlength=len(own)) > 0
        with threadpool_limits(1, "blas"):
            left = own[known].T @ own[known] + _RIDGE * np.eye(own.shape[1])
        return cls(own, known, np.asarray(np.linalg.inv(left), np.float64))

    def expected(self, effect: Floats) -> Floats:
        """What the coordinates of all say of an effect (n,), from the known."""
        coefficients = self.inverse @ (np.where(self.known, effect, 0.0) @ self.own)
        return np.asarray(self.own @ coefficients, np.float64)


def held_out_logits(standing: Standing, swipes: Swipes) -> Floats:
    """Logits (m,) of the swipes that made `standing`, each as if it had not been among them."""
    x = _logits(standing, swipes)
    pull = np.zeros(len(x))
    for side, person in ((standing.readiness, swipes.viewer), (standing.appeal, swipes.candidate)):
        pull += 1.0 / (side.information[person] + 1.0 / side.variance)
    return np.asarray(x - (swipes.liked - _sigmoid(x)) * pull, np.float64)


def _logits(standing: Standing, swipes: Swipes) -> Floats:
    effects = standing.readiness.effect[swipes.viewer] + standing.appeal.effect[swipes.candidate]
    return np.asarray(standing.level + effects, np.float64)


def _step(
    side: Side, person: Ints, liked: npt.NDArray[np.bool_], x: Floats, weight: Floats
) -> Side:
    """A Newton step of every person's effect at once; the other side is held."""
    n, p = len(side.effect), _sigmoid(x)
    information = np.bincount(person, weight * p * (1.0 - p), minlength=n).astype(np.float64)
    residual = np.bincount(person, weight * (liked - p), minlength=n)
    gradient = residual - (side.effect - side.expected) / side.variance
    effect = side.effect + gradient / (information + 1.0 / side.variance)
    return replace(side, effect=effect, information=information)


def _with_prior(side: Side, regression: _Regression) -> Side:
    """The prior that the effects let expect, by one step of expectation and maximisation."""
    known = regression.known
    expected = regression.expected(side.effect)
    spread = (side.effect - expected)[known] ** 2
    spread += 1.0 / (side.information[known] + 1.0 / side.variance)
    variance = float(np.clip(spread.mean(), *_VARIANCES))
    effect = np.where(known, side.effect, expected)
    return replace(side, effect=effect, expected=expected, variance=variance)


def _centred(standing: Standing, swipes: Swipes) -> Standing:
    """The same with both effects 0 on average over the swipes."""
    level, sides = standing.level, []
    for side, person in ((standing.readiness, swipes.viewer), (standing.appeal, swipes.candidate)):
        mean = float(side.effect[person].mean())
        sides.append(replace(side, effect=side.effect - mean, expected=side.expected - mean))
        level += mean
    return Standing(sides[0], sides[1], level)


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)), np.float64)
