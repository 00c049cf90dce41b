"""Ratings as swipes."""

import numpy as np
from sklearn.metrics import roc_auc_score

from features.fold_in import LIKE, PASS
from training.rated_swipes import as_swipes, folds
from training.reciprocal.ratings import Ratings
from training.reliability.held_out import HeldOut
from training.reliability.resplits import held_out_folds

RATINGS = Ratings.of(3, [0, 1, 2, 1, 0], [1, 0, 1, 2, 2], [8, 7, 10, 1, 9])


def test_eight_and_more_is_a_like() -> None:
    swipes = as_swipes(RATINGS, np.arange(5) < 4, np.random.default_rng(0))
    found = {
        (int(u), int(v)): int(a)
        for u, v, a in zip(swipes.viewer, swipes.candidate, swipes.action, strict=True)
    }
    assert found == {(0, 1): LIKE, (1, 0): PASS, (2, 1): LIKE, (1, 2): PASS}


def test_both_directions_of_a_pair_are_in_one_fold() -> None:
    for seed in range(20):
        fold = folds(RATINGS, 2, np.random.default_rng(seed))
        assert fold[0] == fold[1]
        assert fold[2] == fold[3]


def test_probabilities_of_likes_held_out_are_those_they_were_drawn_by() -> None:
    rng = np.random.default_rng(3)
    n = 150
    rater, rated = np.nonzero(rng.random((n, n)) < 0.4)
    apart = rater != rated
    rater, rated = rater[apart], rated[apart]
    readiness, appeal = rng.normal(-0.5, 1.0, n), rng.normal(0.0, 1.5, n)
    truth = 1.0 / (1.0 + np.exp(-(readiness[rater] + appeal[rated])))
    liked = rng.random(len(rater)) < truth
    ratings = Ratings.of(n, rater, rated, np.where(liked, 9, 3))
    held_out = HeldOut.of_one_people(list(held_out_folds(ratings, 5, seed=0)))
    p = held_out.p["gravity"]
    assert len(p) == len(ratings)
    assert abs(p.mean() - held_out.liked.mean()) < 0.02
    # Not one probability for all: the least likely fifth and the most likely one come true too.
    order = np.argsort(p)
    for part in (order[: len(p) // 5], order[-len(p) // 5 :]):
        assert abs(p[part].mean() - held_out.liked[part].mean()) < 0.05
    # And they know both sides: nobody could tell likes from passes much better.
    best = roc_auc_score(liked, truth)
    assert best - 0.04 < roc_auc_score(held_out.liked, p) < best + 0.02
