"""Graded opinions of people who are choosers and chosen in one: factors averaged over a posterior.

The opinion that u has of v is

    bias given_u + bias received_v + taste_u . appeal_v + noise,

graded by thresholds (training.reciprocal.grades). What a person is, all of it together, has one
normal prior around what the company they keep lets expect (training.reciprocal.joint_prior); some
grade more steadily than others, and some are agreed on more than others, so that the noise has a
precision of the rater times one of the rated. Gibbs draws; estimates are means over them.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtri
from threadpoolctl import threadpool_limits

from training.reciprocal.company import company
from training.reciprocal.estimates import Estimates
from training.reciprocal.grades import Thresholds
from training.reciprocal.joint_prior import Hyper, JointPrior, PriorSettings
from training.reciprocal.links import Links, products
from training.reciprocal.ratings import Floats, Ints, Ratings

_FIRST_MOVE = 3
_MOVE_EVERY = 2


@dataclass(frozen=True, slots=True)
class OrdinalSettings:
    """d factors; `directions` of the graph of ratings are among the covariates.

    Precisions of noise have gamma priors of these shapes and mean 1. Estimates are means over
    `draws` after `warm_up`.
    """

    d: int = 8
    directions: int = 15
    prior: PriorSettings = field(default_factory=PriorSettings)
    rater_shape: float = 3.0
    rated_shape: float = 10.0
    warm_up: int = 50
    draws: int = 150


@dataclass(slots=True, eq=False)
class _State:
    """chooser, chosen (n, 1 + d): a bias, then taste and appeal; steadiness (n,) of both sides."""

    chooser: Floats
    chosen: Floats
    rater_precision: Floats
    rated_precision: Floats

    def opinion(self, rater: Ints, rated: Ints) -> Floats:
        """Opinions (m,) without noise."""
        taste, appeal = self.chooser[rater, 1:], self.chosen[rated, 1:]
        biases = self.chooser[rater, 0] + self.chosen[rated, 0]
        return np.asarray(biases + products(taste, appeal))

    def deviation(self, rater: Ints, rated: Ints) -> Floats:
        """Deviation (m,) of the noise."""
        return np.asarray(
            1.0 / np.sqrt(self.rater_precision[rater] * self.rated_precision[rated]), np.float64
        )


def ordinal_factors(
    known: Ratings,
    rater: Ints,
    rated: Ints,
    settings: OrdinalSettings = OrdinalSettings(),
    seed: int = 0,
) -> Estimates:
    """Expected ratings and logits of a like; equal seeds give equal estimates."""
    sampler = _Sampler(known, settings, np.random.default_rng(seed))
    rating, like = np.zeros(len(rater)), np.zeros(len(rater))
    with threadpool_limits(1, "blas"):
        for i in range(settings.warm_up + settings.draws):
            state, thresholds = sampler.draw(i)
            if i >= settings.warm_up:
                at = state.opinion(rater, rated), state.deviation(rater, rated)
                graded = thresholds.graded(*at)
                rating += graded.rating / settings.draws
                like += graded.like / settings.draws
    return Estimates(rating, _probit(like))


class _Sampler:
    """The state of the chain: `draw` moves it on by one round."""

    def __init__(self, known: Ratings, settings: OrdinalSettings, rng: np.random.Generator) -> None:
        n, width = known.people, 1 + settings.d
        self._known, self._settings, self._rng = known, settings, rng
        self._thresholds = Thresholds(known.rating.astype(np.int64))
        self._by_rater = Links.of(n, known.rater, known.rated)
        self._by_rated = Links.of(n, known.rated, known.rater)
        covariates = company(known, settings.directions)
        self._hyper = Hyper.of(covariates, settings.prior)
        self._prior = JointPrior(np.zeros((n, 2 * width)), 4.0 * np.eye(2 * width))
        first = 0.3 * rng.standard_normal((2, n, width))
        self._state = _State(first[0], first[1], np.ones(n), np.ones(n))

    def draw(self, i: int) -> tuple[_State, Thresholds]:
        """Opinions, then both sides of everybody, then the prior, then the noise."""
        known, state, rng = self._known, self._state, self._rng
        mean = state.opinion(known.rater, known.rated)
        deviation = state.deviation(known.rater, known.rated)
        if i >= _FIRST_MOVE and i % _MOVE_EVERY == 0:
            self._thresholds.move(mean, deviation, rng)
        opinion = self._thresholds.opinions(mean, deviation, rng)
        self._draw_people(opinion, deviation**-2.0)
        both = np.concatenate((state.chooser, state.chosen), axis=1)
        self._prior = self._hyper.draw(both, rng)
        self._draw_steadiness((opinion - state.opinion(known.rater, known.rated)) ** 2)
        return state, self._thresholds

    def _draw_people(self, opinion: Floats, weight: Floats) -> None:
        known, state = self._known, self._state
        width = state.chooser.shape[1]
        first, second = slice(0, width), slice(width, None)
        prior = self._prior.given_other(first, second, state.chosen)
        left = opinion - state.chosen[known.rated, 0]
        sums = self._by_rater.sums(_with_one(state.chosen), weight, left)
        state.chooser = prior.draw(sums.precision, sums.pull, self._rng)
        prior = self._prior.given_other(second, first, state.chooser)
        left = opinion - state.chooser[known.rater, 0]
        sums = self._by_rated.sums(_with_one(state.chooser), weight, left)
        state.chosen = prior.draw(sums.precision, sums.pull, self._rng)

    def _draw_steadiness(self, squares: Floats) -> None:
        known, state, settings = self._known, self._state, self._settings
        scaled = squares * state.rated_precision[known.rated]
        state.rater_precision = _steadiness(
            known.rater, scaled, known.people, settings.rater_shape, self._rng
        )
        scaled = squares * state.rater_precision[known.rater]
        state.rated_precision = _steadiness(
            known.rated, scaled, known.people, settings.rated_shape, self._rng
        )


def _steadiness(
    person: Ints, squares: Floats, people: int, shape: float, rng: np.random.Generator
) -> Floats:
    """Precisions (n,) from squared noise (m,), of geometric mean 1: thresholds have the scale."""
    half_count = np.bincount(person, minlength=people) / 2.0
    half_sum = np.bincount(person, squares, people) / 2.0
    drawn = rng.gamma(shape + half_count) / (shape + half_sum)
    return np.asarray(drawn / np.exp(np.log(drawn).mean()), np.float64)


def _with_one(side: Floats) -> Floats:
    return np.concatenate((np.ones((len(side), 1)), side[:, 1:]), axis=1)


def _probit(p: Floats) -> Floats:
    """Scores of probabilities, on the scale of the opinions."""
    return np.asarray(ndtri(np.clip(p, 1e-6, 1.0 - 1e-6)), np.float64)
