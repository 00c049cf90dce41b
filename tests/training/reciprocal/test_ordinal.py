"""Graded opinions: the parts against brute force, the whole on worlds with a known answer."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.training.reciprocal.worlds import checkerboard, noisy
from training.reciprocal.company import company
from training.reciprocal.grades import Thresholds
from training.reciprocal.joint_prior import Hyper, JointPrior, PriorSettings
from training.reciprocal.least_squares import two_biases
from training.reciprocal.ordinal import OrdinalSettings, ordinal_factors
from training.reciprocal.ratings import LIKED, Ratings

_QUICK = OrdinalSettings(d=2, directions=2, warm_up=40, draws=60)


def test_what_one_side_tells_of_the_other_is_the_conditional_normal() -> None:
    rng = np.random.default_rng(0)
    root = rng.standard_normal((4, 4))
    covariance = root @ root.T + np.eye(4)
    expected = rng.standard_normal((3, 4))
    precision = np.asarray(np.linalg.inv(covariance), np.float64)
    prior = JointPrior(expected, precision)
    value = rng.standard_normal((3, 2))
    found = prior.given_other(slice(0, 2), slice(2, 4), value)
    gain = covariance[:2, 2:] @ np.linalg.inv(covariance[2:, 2:])
    wanted = expected[:, :2] + (value - expected[:, 2:]) @ gain.T
    assert found.expected == pytest.approx(wanted)
    left = covariance[:2, :2] - gain @ covariance[2:, :2]
    assert np.linalg.inv(found.precision) == pytest.approx(left)


def test_draws_have_the_posteriors_mean_and_covariance() -> None:
    precision = np.array([[3.0, 1.0], [1.0, 2.0]])
    prior = JointPrior(np.full((20_000, 2), 0.5), np.eye(2))
    pull = np.broadcast_to(np.array([1.0, -2.0]), (20_000, 2))
    drawn = prior.draw(np.broadcast_to(precision, (20_000, 2, 2)), pull, np.random.default_rng(0))
    total = precision + np.eye(2)
    mean = np.linalg.solve(total, pull[0] + 0.5)
    assert drawn.mean(axis=0) == pytest.approx(mean, abs=0.02)
    assert np.cov(drawn.T) == pytest.approx(np.linalg.inv(total), abs=0.02)


def test_the_prior_follows_covariates_and_spread() -> None:
    rng = np.random.default_rng(0)
    covariates = np.column_stack((np.ones(5000), rng.standard_normal(5000)))
    people = covariates @ np.array([[1.0, 0.0], [0.5, -2.0]])
    people += rng.multivariate_normal(np.zeros(2), [[0.5, 0.3], [0.3, 0.4]], 5000)
    prior = Hyper.of(covariates, PriorSettings(people=1.0)).draw(people, rng)
    wanted = covariates @ np.array([[1.0, 0.0], [0.5, -2.0]])
    assert prior.expected == pytest.approx(wanted, abs=0.15)
    spread = np.linalg.inv(prior.precision)
    assert spread == pytest.approx(np.array([[0.5, 0.3], [0.3, 0.4]]), abs=0.05)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 10), min_size=1, max_size=40), st.integers(0, 99))
# A grade more than seven deviations above what was expected.
@example([9, 1, 1, 1, 1, 1, 1], 92)
def test_opinions_lie_in_the_grade_that_was_given(grades: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    grade = np.array(grades)
    thresholds = Thresholds(grade)
    mean, deviation = rng.standard_normal(len(grade)), 0.5 + rng.random(len(grade))
    thresholds.move(mean, deviation, rng)
    opinion = thresholds.opinions(mean, deviation, rng)
    # An opinion without noise to speak of is graded as it was given.
    exact = thresholds.graded(opinion, np.full(len(grade), 1e-9))
    assert exact.rating == pytest.approx(grade, abs=0.5)
    assert np.array_equal(exact.like > 0.5, grade >= LIKED)
    of_mean = thresholds.graded(mean, deviation)
    assert ((of_mean.rating >= 1) & (of_mean.rating <= 10)).all()


def test_company_tells_two_circles_apart() -> None:
    half, rng = 20, np.random.default_rng(0)
    circle = np.repeat([0, 1], half)
    among = (circle[:, None] == circle[None, :]) & ~np.eye(2 * half, dtype=bool)
    rater, rated = np.nonzero(among & (rng.random(among.shape) < 0.6))
    found = company(Ratings.of(2 * half, rater, rated, np.full(len(rater), 5)), 1)
    assert found.shape == (40, 6)
    assert found[:, 0].tolist() == [1.0] * 40
    side = found[:, 4] > found[:, 4].mean()
    assert len(set(side[:half])) == len(set(side[half:])) == 1
    assert side[0] != side[half]


def test_nobodys_company_says_nothing() -> None:
    found = company(Ratings.of(5, [], [], []), 3)
    assert found[:, 0].tolist() == [1.0] * 5
    assert not found[:, 1:].any()


def test_the_unseen_squares_of_a_checkerboard_are_told() -> None:
    known = checkerboard(40)
    rater, rated = np.nonzero(~np.eye(40, dtype=bool))
    found = ordinal_factors(known, rater, rated, _QUICK)
    right = (found.rating > 5.5) == ((rater + rated) % 2 == 0)
    assert right.mean() > 0.95


def test_it_is_ahead_of_two_biases_where_there_is_taste() -> None:
    everything = noisy()
    seen = np.random.default_rng(3).random(len(everything)) < 0.8
    known, test = everything.take(seen), everything.take(~seen)
    ours = ordinal_factors(known, test.rater, test.rated, _QUICK)
    biases = two_biases(known, test.rater, test.rated)
    loss = [np.sqrt(np.mean((each.rating - test.rating) ** 2)) for each in (ours, biases)]
    assert loss[0] < 0.8 * loss[1]


def test_seeds_give_equal_estimates() -> None:
    known, ids = noisy(30), np.arange(10)
    short = OrdinalSettings(d=2, directions=2, warm_up=2, draws=3)
    one, same, other = (
        ordinal_factors(known, ids, ids + 10, short, seed=seed) for seed in (1, 1, 2)
    )
    assert np.array_equal(one.rating, same.rating)
    assert np.array_equal(one.like, same.like)
    assert not np.array_equal(one.rating, other.rating)


def test_people_of_one_opinion_and_people_without_any_are_scored() -> None:
    # 0 has only passes, 1 likes everyone, 2 has rated nobody, 3 was rated by nobody.
    known = Ratings.of(
        6, [0, 0, 0, 1, 1, 1, 1, 4, 5], [1, 4, 5, 0, 2, 4, 5, 5, 4], [1, 1, 2, 10, 10, 9, 10, 5, 6]
    )
    rater, rated = np.nonzero(~np.eye(6, dtype=bool))
    found = ordinal_factors(known, rater, rated, _QUICK)
    assert np.isfinite(found.rating).all() and np.isfinite(found.like).all()
    mean = [found.rating[rater == person].mean() for person in range(6)]
    assert mean[0] == min(mean) and mean[1] == max(mean)


@pytest.mark.parametrize("rating", [1, 10])
def test_everybody_of_one_opinion_and_nothing_at_all(rating: int) -> None:
    ids = np.array([0, 1])
    same = Ratings.of(4, [0, 1, 2], [1, 2, 3], [rating] * 3)
    for known in (same, Ratings.of(4, [], [], [])):
        found = ordinal_factors(known, ids, ids + 2, _QUICK)
        assert np.isfinite(found.rating).all()
        assert ((found.rating >= 1) & (found.rating <= 10)).all()
