"""Orders of pairs, and what a method is worth: known answers on tiny worlds."""

import numpy as np
import pytest

from tests.training.reciprocal.worlds import noisy
from training.factorisation.interactions import NoLikes
from training.reciprocal.estimates import Estimates, LikeScale
from training.reciprocal.judging import attempt, intervals
from training.reciprocal.least_squares import two_biases
from training.reciprocal.orders import ORDERS, Together, orders
from training.reciprocal.ratings import Ints, Parts, Ratings


def _logit(p: float) -> float:
    return float(np.log(p / (1 - p)))


def test_orders_of_two_pairs() -> None:
    there = np.array([_logit(0.9), _logit(0.4)])
    back = np.array([_logit(0.2), _logit(0.5)])
    found = orders(there, back, Together(0.0, 1.0, 0.0))
    assert tuple(found) == ORDERS
    assert found["product"].tolist() == pytest.approx([0.18, 0.2])
    assert found["minimum"].tolist() == pytest.approx([0.2, 0.4])
    assert found["harmonic"].tolist() == pytest.approx([0.36 / 1.1, 0.4 / 0.9])
    assert found["sum"].tolist() == pytest.approx((there + back).tolist())
    assert found["there"].argmax() == 0 and found["back"].argmax() == 1


def test_the_learned_order_is_symmetric_and_learns_that_both_must_like() -> None:
    rng = np.random.default_rng(0)
    there, back = 2.0 * rng.standard_normal((2, 4000))
    both = (rng.random(4000) < 1 / (1 + np.exp(-there))) & (
        rng.random(4000) < 1 / (1 + np.exp(-back))
    )
    found = Together.fit(there, back, both)
    assert found.both > 0.3 and found.apart < -0.1
    assert np.allclose(found.logits(there, back), found.logits(back, there))


@pytest.mark.parametrize("match", [True, False])
def test_with_one_outcome_the_learned_order_is_the_sum(match: bool) -> None:
    there, back = np.array([0.0, 1.0]), np.array([2.0, 0.5])
    found = Together.fit(there, back, np.full(2, match)).logits(there, back)
    assert found.tolist() == [2.0, 1.5]


def test_likes_become_probabilities() -> None:
    rng = np.random.default_rng(0)
    score = rng.standard_normal(20_000)
    liked = rng.random(20_000) < 1 / (1 + np.exp(-(3.0 * score - 1.0)))
    ratings = Ratings.of(2, np.zeros(20_000), np.ones(20_000), np.where(liked, 9, 2))
    found = LikeScale.fit(score, ratings)
    assert found.slope == pytest.approx(3.0, abs=0.15)
    assert found.intercept == pytest.approx(-1.0, abs=0.1)


def _parts() -> Parts:
    everything = noisy()
    nothing = everything.take(np.zeros(0, np.int64))
    return Parts(everything, nothing, nothing).again(0)


def test_who_knows_everything_is_never_wrong() -> None:
    parts = _parts()
    truth = {
        (u, v): rating
        for part in (parts.known(), parts.test)
        for u, v, rating in zip(part.rater, part.rated, part.rating, strict=True)
    }

    def oracle(known: Ratings, rater: Ints, rated: Ints) -> Estimates:
        pairs = zip(rater, rated, strict=True)
        return Estimates.of_ratings(np.array([truth[pair] for pair in pairs]))

    found = intervals([attempt(oracle, parts)], 0)
    assert found["rmse", ""].value == 0.0
    assert found["auc", ""].value == found["auc", "minimum"].value == 1.0
    assert found["ap", "minimum"].value == 1.0 > found["ap", "there"].value


def test_a_method_beside_itself_differs_by_nothing() -> None:
    trial = attempt(two_biases, _parts())
    assert all(
        each.value == each.low == each.high == 0.0
        for each in intervals([trial, trial], 0, [trial, trial]).values()
    )
    own = intervals([trial], 0)
    assert own == intervals([trial], 0)
    assert all(each.low <= each.value <= each.high for each in own.values())


def test_a_window_with_no_likes_is_said() -> None:
    parts = _parts()
    low = parts.validation.take(~parts.validation.liked)
    with pytest.raises(NoLikes):
        attempt(two_biases, Parts(parts.train, low, parts.test))


def test_without_pairs_that_have_both_sides_there_is_no_mutual_value() -> None:
    parts = _parts()
    one_way = parts.test.take(parts.test.rater < parts.test.rated)
    found = intervals([attempt(two_biases, Parts(parts.train, parts.validation, one_way))], 0)
    assert np.isnan(found["auc", "product"].value)
    assert np.isfinite(found["auc", ""].value)
