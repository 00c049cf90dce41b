"""The second look is exact where the inner product is not."""

import numpy as np

from features.narrowing import RETRIEVED, SEARCHED, narrowed
from features.prices import KNOTS, Prices
from features.score import candidate_vectors, like_logits, log_sigmoid, query_vectors
from tests.features.prices import random_prices
from tests.training.test_score import people


def test_whom_the_second_look_keeps_are_the_best_by_logits_and_tables() -> None:
    n = 500
    sides, prices = people(n + 1, 3), random_prices(np.random.default_rng(3), n)
    viewer, candidates = sides.take([0]), sides.take(np.arange(1, n + 1))
    kept = narrowed(viewer, candidates, prices)
    there, back = like_logits(viewer, candidates), like_logits(candidates, viewer)
    score = log_sigmoid(there) + log_sigmoid(back) - prices.at(back)
    assert len(kept) == len(set(kept.tolist())) == RETRIEVED
    assert score[kept].min() >= np.delete(score, kept).max()
    assert (np.diff(score[kept]) <= 0).all()


def test_it_goes_by_the_price_at_the_viewer_s_place_and_not_by_one_number() -> None:
    n = RETRIEVED + 1
    sides = people(2, 5)
    viewer, candidates = sides.take([0]), sides.take(np.ones(n, np.int64))
    (back,) = like_logits(candidates.take([0]), viewer)
    knots = np.tile(back + np.arange(KNOTS, dtype=np.float32) - 4, (n, 1))
    nats = np.full((n, KNOTS), 0.5, np.float32)
    # Equal means and uppermost prices, but dearer just where this viewer comes.
    nats[7, 4], nats[7, 0] = 0.9, 0.1
    assert 7 not in narrowed(viewer, candidates, Prices(knots, nats))


def test_who_is_sure_to_like_back_goes_by_the_viewer_s_side_alone() -> None:
    n = 2 * SEARCHED
    sides, prices = people(n + 1, 3), random_prices(np.random.default_rng(3), n)
    viewer, candidates = sides.take([0]), sides.take(np.arange(1, n + 1))
    certain = np.random.default_rng(4).random(n) < 0.2
    kept = narrowed(viewer, candidates, prices, certain)
    there, back = like_logits(viewer, candidates), like_logits(candidates, viewer)
    open_score = log_sigmoid(there) + log_sigmoid(back) - prices.at(back)
    score = np.where(certain, log_sigmoid(there), open_score)
    np.testing.assert_array_equal(kept, np.argsort(-score, kind="stable")[:RETRIEVED])
    linear = candidate_vectors(candidates, prices.uppermost()) @ query_vectors(viewer)[0]
    # To some of them the inner product would not come.
    assert np.isin(kept, np.argsort(-linear)[SEARCHED:]).any()
    nobody = narrowed(viewer, candidates, prices, np.zeros(n, np.bool_))
    np.testing.assert_array_equal(nobody, narrowed(viewer, candidates, prices))


def test_of_few_all_stay() -> None:
    sides = people(6, 1)
    kept = narrowed(sides.take([0]), sides.take(np.arange(1, 6)), Prices.free(5))
    assert sorted(kept.tolist()) == [0, 1, 2, 3, 4]
