"""Whose like makes it certain that they like back, and what that is worth."""

import numpy as np

from features.behaviour import logit
from features.likers import BEHIND, LIKES_NEARLY_ALL, selective, sure
from features.ranker import Heads
from features.score import Sides, log_sigmoid
from tests.features.prices import random_prices
from tests.serving.worlds import CALIBRATIONS


def sides(*given: float) -> Sides:
    """People who differ in how readily they like."""
    n = len(given)
    factors, half = np.zeros((n, 2), np.float32), np.full(n, 0.5, np.float32)
    rates, line = np.array(given, np.float32), np.zeros((n, 2), np.float32)
    return Sides.of(factors, factors, rates, half, line, np.ones(n), CALIBRATIONS)


def test_a_like_of_somebody_who_likes_nearly_all_says_nothing() -> None:
    candidates = sides(0.1, 0.1, LIKES_NEARLY_ALL, 0.901, 0.999)
    liked = np.array([True, False, True, True, True])
    assert sure(candidates, liked).tolist() == [True, False, True, False, False]
    assert selective(candidates).tolist() == [True, True, True, False, False]


def test_of_who_is_sure_only_the_viewer_s_side_counts_and_no_price_and_who_passed_is_last() -> None:
    random = np.random.default_rng(1)
    heads = Heads(*random.normal(0, 2, (2, 50)).astype(np.float32))
    prices, certain = random_prices(random, 50), random.random(50) < 0.5
    score = heads.priced(prices, certain)
    np.testing.assert_array_equal(score[certain], log_sigmoid(heads.there[certain]))
    np.testing.assert_array_equal(score[~certain], heads.priced(prices)[~certain])
    passed = ~certain & (random.random(50) < 0.5)
    lowered = heads.priced(prices, certain, passed)
    np.testing.assert_array_equal(lowered, score - np.where(passed, np.float32(BEHIND), 0))
    assert lowered[passed].max() < lowered[~passed].min()
    # Nobody is worth less for it.
    assert (score >= heads.priced(prices)).all()
    assert logit(LIKES_NEARLY_ALL) > 2
