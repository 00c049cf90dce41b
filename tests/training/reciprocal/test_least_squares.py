"""Sums are brute force's; biases find an additive world, factors a checkerboard."""

import numpy as np
import pytest

from tests.training.reciprocal.worlds import additive, checkerboard, noisy
from training.reciprocal.least_squares import (
    FactorSettings,
    Shrinkage,
    biased_factors,
    two_biases,
)
from training.reciprocal.links import Links
from training.reciprocal.ratings import Ratings


def test_sums_are_those_of_each_persons_ratings() -> None:
    ratings, rng = noisy(12), np.random.default_rng(1)
    vectors, weight = rng.standard_normal((12, 3)), rng.random(len(ratings))
    sums = Links.of(12, ratings.rater, ratings.rated).sums(vectors, weight, ratings.rating)
    for person in range(12):
        rows = ratings.rater == person
        of_others = vectors[ratings.rated[rows]]
        precision = of_others.T @ (weight[rows, None] * of_others)
        assert sums.precision[person] == pytest.approx(precision)
        pull = of_others.T @ (weight[rows] * ratings.rating[rows])
        assert sums.pull[person] == pytest.approx(pull)


def test_biases_without_shrinkage_are_exact_where_ratings_add_up() -> None:
    ratings, truth = additive()
    found = two_biases(ratings, ratings.rater, ratings.rated, Shrinkage(0.0, 0.0))
    assert found.rating == pytest.approx(truth[ratings.rater, ratings.rated], abs=1e-3)


def test_factors_tell_the_unseen_squares_of_a_checkerboard() -> None:
    known = checkerboard()
    rater, rated = np.nonzero(~np.eye(60, dtype=bool))
    settings = FactorSettings(d=3, ridge=1.0)
    found = biased_factors(known, rater, rated, settings)
    assert np.array_equal(found.rating > 5.5, (rater + rated) % 2 == 0)
    again = biased_factors(known, rater, rated, settings)
    assert np.array_equal(found.rating, again.rating)


def test_people_without_ratings_get_the_mean_of_their_rater() -> None:
    known = Ratings.of(4, [0, 0, 1], [1, 2, 2], [9, 9, 3])
    rater, rated = np.array([0, 3]), np.array([3, 3])
    biased = two_biases(known, rater, rated)
    factored = biased_factors(known, rater, rated, FactorSettings(d=2))
    assert biased.rating[0] > biased.rating[1] == pytest.approx(7.0)
    assert np.isfinite(factored.rating).all()


def test_nothing_known_is_the_middle_of_the_scale() -> None:
    nothing = Ratings.of(3, [], [], [])
    ids = np.array([0, 1])
    assert two_biases(nothing, ids, ids).rating.tolist() == [5.5, 5.5]
    assert biased_factors(nothing, ids, ids).rating.tolist() == [5.5, 5.5]
