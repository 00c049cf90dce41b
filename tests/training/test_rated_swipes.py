"""Ratings as swipes."""

from pathlib import Path

import numpy as np
import pytest

from features.fold_in import LIKE, PASS
from training.rated_swipes import as_swipes, folds, read_ratings
from training.reciprocal.ratings import Ratings
from training.reliability.resplits import held_out_folds

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "libimseti"
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


@pytest.mark.skipif(
    not SHARED.exists(), reason="LibímSeTi is not shipped: ../shared/data/libimseti is absent"
)
def test_probabilities_of_real_likes_come_true() -> None:
    first = next(held_out_folds(read_ratings(SHARED), 10, seed=0))
    p = first.p["gravity"]
    assert abs(p.mean() - first.liked.mean()) < 0.02
