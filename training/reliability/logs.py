"""How often people are liked, from logs of a policy that favours some, read from the top.

Four ways to read a log, and what each mistakes:

- impressions: who lies far down is not looked at, which is no pass;
- seen cards: a pass is a pass, but the policy showed people to those who would like them, and the
  first positions to the popular;
- seen cards by inverse propensity: each counts 1 / (P(put there) P(looked at)), clipped, so viewers
  count as if everybody had been shown to everybody (Schnabel et al., ICML 2016; the attention by
  position is estimated as the share of cards looked at there, which needs no model: being looked at
  is logged);
- ours: both sides' standing in one model (training/standing.py), with or without those weights. A
  person's weights then add up to the number of equal cards that would say as much (Kish's effective
  size), so that the prior counts where few cards carry all the weight.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.fold_in import LIKE, PASS
from training.datasets import Swipes
from training.standing import Standing, fit_standing

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_MOST_WEIGHT: Final = 20.0
"""In medians, as `training.propensity` clips."""
_PRIOR_CARDS: Final = 3.0
LEAST_CARDS: Final = 10
"""Seen cards of a person whose rate is judged: of fewer, a prior decides, not the reading."""


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """m cards: who was shown whom at which position, whether they looked, whether they liked, and
    the probability that the policy put this card there, given the cards above; each (m,)."""

    viewer: Ints
    candidate: Ints
    position: Ints
    seen: Bools
    liked: Bools
    propensity: Floats

    def attention(self) -> Floats:
        """The share of cards looked at (m,) at each one's position."""
        shown = np.bincount(self.position)
        looked = np.bincount(self.position, self.seen, minlength=len(shown))
        return np.asarray((looked / np.maximum(shown, 1))[self.position], np.float64)


def inverse_propensities(log: Log) -> Floats:
    """Weights (m,) of cards, mean 1 over those seen; 0 for the others."""
    inverse = 1.0 / np.maximum(log.propensity * log.attention(), 1e-12)
    weight = np.minimum(inverse, _MOST_WEIGHT * np.median(inverse[log.seen])) * log.seen
    return np.asarray(weight / weight[log.seen].mean(), np.float64)


def rates(log: Log, people: int) -> dict[str, Floats]:
    """The share of likes (n,) of everybody among typical viewers, by each way to read the log."""
    weight = inverse_propensities(log)
    seen = log.seen.astype(np.float64)
    swipes = _swipes(log)
    own = np.ones((people, 1))
    effective = _effective(weight, log.candidate, people)
    weighted = fit_standing(swipes, own, weight=effective[log.seen])
    return {
        "impressions": _shares(log, np.ones(len(seen)), people),
        "seen": _shares(log, seen, people),
        "seen-by-inverse-propensity": _shares(log, weight, people),
        "gravity": _among_all(fit_standing(swipes, own)),
        "gravity-by-inverse-propensity": _among_all(weighted),
    }


def _effective(weight: Floats, person: Ints, people: int) -> Floats:
    """The weights (m,), those of each person adding up to their effective number of cards."""
    total = np.bincount(person, weight, people)
    squares = np.bincount(person, weight**2, people)
    return np.asarray(weight * (total / np.maximum(squares, 1e-12))[person], np.float64)


def _swipes(log: Log) -> Swipes:
    at = np.flatnonzero(log.seen)
    action = np.where(log.liked[at], LIKE, PASS).astype(np.uint8)
    when = np.arange(len(at), dtype=np.int64)
    propensity = log.propensity[at].astype(np.float32)
    return Swipes(log.viewer[at], log.candidate[at], action, when, propensity)


def _shares(log: Log, weight: Floats, people: int) -> Floats:
    """Weighted shares of likes (n,), shrunk to the mean by a few cards."""
    cards = np.bincount(log.candidate, weight, people)
    likes = np.bincount(log.candidate, weight * log.liked, people)
    mean = likes.sum() / cards.sum()
    return np.asarray((likes + _PRIOR_CARDS * mean) / (cards + _PRIOR_CARDS), np.float64)


def _among_all(standing: Standing) -> Floats:
    """The mean probability (n,) of a like over viewers of all degrees of readiness."""
    viewers = np.quantile(standing.readiness.effect, np.linspace(0.01, 0.99, 50))
    x = standing.level + viewers[:, None] + standing.appeal.effect[None, :]
    return np.asarray(np.mean(0.5 * (1.0 + np.tanh(0.5 * x)), axis=0), np.float64)
