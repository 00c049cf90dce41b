"""A logistic factorisation of likes and passes with both sides' biases, by Newton steps in turns.

    logit P(u likes v) = level + bias_u + bias_v + taste_u . appeal_v

Everybody's side is a small ridge regression while the other is held (Johnson, Logistic Matrix
Factorization, NIPS workshop 2014, with observed passes in the place of sampled ones).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from training.factorisation.interactions import Interactions, NoLikes
from training.factorisation.tables import Tables
from training.reciprocal.estimates import sigmoid
from training.reciprocal.links import Links, products, symmetric_solve
from training.reciprocal.ratings import Floats, Ints

_LEAST_VARIANCE: Final = 1e-4


@dataclass(frozen=True, slots=True)
class LogisticSettings:
    """d factors; ridges of biases and of factors."""

    d: int = 8
    bias_ridge: float = 0.3
    ridge: float = 3.0
    rounds: int = 8


def logistic_factors(
    swipes: Interactions, settings: LogisticSettings, rng: np.random.Generator
) -> Tables:
    """Tables of equally many users and items, who are people. Raises NoLikes.

    Whoever swiped nobody, or was swiped by nobody, has zeros there.
    """
    if not swipes.liked.any():
        raise NoLikes
    n = swipes.users
    by_user, by_item = Links.of(n, swipes.user, swipes.item), Links.of(n, swipes.item, swipes.user)
    share = float(np.clip(swipes.liked.mean(), 1e-3, 1 - 1e-3))
    level = float(np.log(share / (1 - share)))
    user, item = np.pad(0.3 * rng.standard_normal((2, n, settings.d)), ((0, 0), (0, 0), (1, 0)))
    ridge = np.full(1 + settings.d, settings.ridge)
    ridge[0] = settings.bias_ridge
    with threadpool_limits(1, "blas"):
        for _ in range(settings.rounds):
            user = _step(by_user, user, item, swipes.user, swipes.item, swipes, level, ridge)
            item = _step(by_item, item, user, swipes.item, swipes.user, swipes, level, ridge)
    one, two = user.astype(np.float32), item.astype(np.float32)
    return Tables(one[:, 1:], two[:, 1:], one[:, 0] + np.float32(level), two[:, 0])


def _step(
    links: Links,
    own: Floats,
    other: Floats,
    person: Ints,
    opposite: Ints,
    swipes: Interactions,
    level: float,
    ridge: Floats,
) -> Floats:
    """A Newton step of every own row (n, 1 + d), the bias first; the others' rows are held."""
    vectors = np.concatenate((np.ones((len(other), 1)), other[:, 1:]), axis=1)
    told = products(own[person], vectors[opposite])
    p = sigmoid(level + other[opposite, 0] + told)
    variance = np.maximum(p * (1.0 - p), _LEAST_VARIANCE)
    target = told + (swipes.liked - p) / variance
    sums = links.sums(vectors, variance * swipes.weight, target)
    return symmetric_solve(sums.precision + np.diag(ridge), sums.pull)
