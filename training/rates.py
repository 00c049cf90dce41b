"""How readily people like, and how often they are liked when seen, as counts and smoothed rates."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.behaviour import Prior, smoothed_rate
from training.datasets import Swipes

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

_LEAST_SWIPES: Final = 3
_PRIOR_SWIPES: Final = (2.0, 50.0)


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Likes among swipes of n people, given and received: (n,) int64 each."""

    likes_given: Ints
    swipes_given: Ints
    likes_received: Ints
    swipes_received: Ints


@dataclass(frozen=True, slots=True)
class Priors:
    """Beta priors of the two rates."""

    given: Prior
    received: Prior


def count(swipes: Swipes, people: int) -> Counts:
    """Counts over all the given swipes."""
    likes = swipes.take(swipes.liked)
    return Counts(
        likes_given=np.bincount(likes.viewer, minlength=people),
        swipes_given=np.bincount(swipes.viewer, minlength=people),
        likes_received=np.bincount(likes.candidate, minlength=people),
        swipes_received=np.bincount(swipes.candidate, minlength=people),
    )


def fit_priors(counts: Counts) -> Priors:
    """Priors by the method of moments."""
    return Priors(
        given=beta_prior(counts.likes_given, counts.swipes_given),
        received=beta_prior(counts.likes_received, counts.swipes_received),
    )


def beta_prior(likes: Ints, swipes: Ints) -> Prior:
    """The Beta prior whose mean and spread the observed shares have, within sane strengths.

    The variance of a share over n swipes is m(1 - m)(1/n + (1 - 1/n)/(s + 1)) for a prior of
    strength s: solved for s over people with at least 3 swipes.
    """
    total = float(swipes.sum())
    mean = (float(likes.sum()) + 0.5) / (total + 1.0)
    known = swipes >= _LEAST_SWIPES
    if np.count_nonzero(known) < 2:
        return Prior(mean * _PRIOR_SWIPES[1], _PRIOR_SWIPES[1])
    share, inverse = likes[known] / swipes[known], 1.0 / swipes[known]
    excess = np.mean((share - mean) ** 2) / (mean * (1.0 - mean)) - np.mean(inverse)
    within = max(float(excess / np.mean(1.0 - inverse)), 1e-9)
    strength = float(np.clip(1.0 / within - 1.0, *_PRIOR_SWIPES))
    return Prior(mean * strength, strength)


def given_rate(counts: Counts, priors: Priors) -> Floats:
    """Smoothed share of likes among swipes made (n,)."""
    return smoothed_rate(counts.likes_given, counts.swipes_given, priors.given)


def received_rate(counts: Counts, priors: Priors) -> Floats:
    """Smoothed share of likes among swipes received (n,)."""
    return smoothed_rate(counts.likes_received, counts.swipes_received, priors.received)
