"""What there was before: two biases, and the biased factorisation by alternating least squares."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from training.reciprocal.estimates import Estimates
from training.reciprocal.links import Links, products
from training.reciprocal.ratings import Floats, Ints, Ratings

_BIAS_ROUNDS: Final = 20
_GRADIENTS: Final = 2
_LEAST: Final = 1e-30


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """How many ratings of 0 are added to each person's, as rater and as rated."""

    rater: float = 5.0
    rated: float = 5.0


@dataclass(frozen=True, slots=True)
class FactorSettings:
    """Koren, Bell & Volinsky, Matrix Factorization Techniques, Computer 2009, by least squares.

    The defaults are those of the published figures: 40 factors, a ridge of 40.
    """

    d: int = 40
    ridge: float = 40.0
    rounds: int = 20
    shrinkage: Shrinkage = Shrinkage()


@dataclass(frozen=True, slots=True, eq=False)
class _Biases:
    """rating = mean + rater (n,) + rated (n,)."""

    mean: float
    rater: Floats
    rated: Floats

    def of(self, rater: Ints, rated: Ints) -> Floats:
        return np.asarray(self.mean + self.rater[rater] + self.rated[rated], np.float64)


def two_biases(
    known: Ratings, rater: Ints, rated: Ints, shrinkage: Shrinkage = Shrinkage()
) -> Estimates:
    """The mean, how kind the rater is, and how well the rated is thought of."""
    biases = _nobody(known)
    for _ in range(_BIAS_ROUNDS):
        biases = _step(biases, known, np.zeros(len(known)), shrinkage)
    return Estimates.of_ratings(biases.of(rater, rated))


def biased_factors(
    known: Ratings,
    rater: Ints,
    rated: Ints,
    settings: FactorSettings = FactorSettings(),
    seed: int = 0,
) -> Estimates:
    """Two biases and a product of factors, each refitted in turn to what the others leave."""
    n, rng = known.people, np.random.default_rng(seed)
    biases = _nobody(known)
    taste, appeal = (0.1 * rng.standard_normal((n, settings.d)) for _ in range(2))
    by_rater, by_rated = (
        _Side.of(n, known.rater, known.rated),
        _Side.of(n, known.rated, known.rater),
    )
    with threadpool_limits(1, "blas"):
        for _ in range(settings.rounds):
            explained = products(taste[known.rater], appeal[known.rated])
            biases = _step(biases, known, explained, settings.shrinkage)
            left = known.rating - biases.of(known.rater, known.rated)
            taste = _nearer(by_rater, taste, appeal, left, settings.ridge)
            appeal = _nearer(by_rated, appeal, taste, left, settings.ridge)
    rating = biases.of(rater, rated) + products(taste[rater], appeal[rated])
    return Estimates.of_ratings(rating)


def _nobody(known: Ratings) -> _Biases:
    """The mean alone; the middle of the scale where there are no ratings."""
    mean = float(known.rating.mean()) if len(known) else 5.5
    return _Biases(mean, np.zeros(known.people), np.zeros(known.people))


def _step(biases: _Biases, known: Ratings, explained: Floats, shrinkage: Shrinkage) -> _Biases:
    left = known.rating - biases.mean - explained
    rated = _shrunk_mean(known.rated, left - biases.rater[known.rater], known, shrinkage.rated)
    rater = _shrunk_mean(known.rater, left - rated[known.rated], known, shrinkage.rater)
    return _Biases(biases.mean, rater, rated)


def _shrunk_mean(person: Ints, values: Floats, known: Ratings, added: float) -> Floats:
    count = np.bincount(person, minlength=known.people)
    total = np.bincount(person, values, known.people)
    return np.asarray(total / np.maximum(count + added, 1e-9), np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """Ratings (m,) as one side's: of whom, with whom, and as a matrix of both."""

    person: Ints
    other: Ints
    links: Links

    @classmethod
    def of(cls, people: int, person: Ints, other: Ints) -> "_Side":
        return cls(person, other, Links.of(people, person, other))


def _nearer(side: _Side, own: Floats, others: Floats, target: Floats, ridge: float) -> Floats:
    """Everybody's vectors (n, d) some conjugate gradients nearer to their ridge regressions.

    Takacs, Pilaszy & Tikk, Applications of the Conjugate Gradient Method for Implicit Feedback
    Collaborative Filtering, RecSys 2011: a few steps from the last round's vectors do as well as
    exact solutions, for a fraction of the time.
    """

    def times(vectors: Floats) -> Floats:
        told = products(vectors[side.person], others[side.other])
        return np.asarray(side.links.matrix(told) @ others + ridge * vectors, np.float64)

    residual = np.asarray(side.links.matrix(target) @ others, np.float64) - times(own)
    direction, size = residual, products(residual, residual)
    for _ in range(_GRADIENTS):
        ahead = times(direction)
        step = size / np.maximum(products(direction, ahead), _LEAST)
        own = own + step[:, None] * direction
        residual = residual - step[:, None] * ahead
        after = products(residual, residual)
        direction = residual + (after / np.maximum(size, _LEAST))[:, None] * direction
        size = after
    return own
