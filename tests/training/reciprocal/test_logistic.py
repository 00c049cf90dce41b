"""The logistic factorisation: its steps against the gradient, and a world with a known answer."""

import numpy as np
import pytest

from tests.training.reciprocal.worlds import checkerboard
from training.factorisation.interactions import Interactions, NoLikes
from training.factorisation.tables import Tables
from training.reciprocal.logistic import LogisticSettings, logistic_factors
from training.reciprocal.ratings import Ratings


def _swipes(ratings: Ratings) -> Interactions:
    n, ones = ratings.people, np.ones(len(ratings), np.float32)
    return Interactions(n, n, ratings.rater, ratings.rated, ratings.liked, ones)


def _loss(swipes: Interactions, tables: Tables, level: float, how: LogisticSettings) -> float:
    """The penalised log loss that the steps descend."""
    x = tables.scores(np.arange(swipes.users)).astype(np.float64)[swipes.user, swipes.item]
    likelihood = np.logaddexp(0.0, np.where(swipes.liked, -x, x)).sum()
    own = tables.user_bias.astype(np.float64) - level
    biases = (own**2).sum() + (tables.item_bias.astype(np.float64) ** 2).sum()
    factors = (tables.user.astype(np.float64) ** 2).sum() + (
        tables.item.astype(np.float64) ** 2
    ).sum()
    return float(likelihood + 0.5 * (how.bias_ridge * biases + how.ridge * factors))


def test_it_ends_where_no_small_step_of_anybody_helps() -> None:
    swipes = _swipes(checkerboard(24))
    how = LogisticSettings(d=2, ridge=0.5, rounds=60)
    found = logistic_factors(swipes, how, np.random.default_rng(0))
    share = swipes.liked.mean()
    level = float(np.log(share / (1 - share)))
    best, rng = _loss(swipes, found, level, how), np.random.default_rng(1)
    tables = (found.user, found.item, found.user_bias, found.item_bias)
    for _ in range(40):
        moved = [
            each + 0.02 * rng.standard_normal(each.shape).astype(np.float32) for each in tables
        ]
        assert _loss(swipes, Tables(*moved), level, how) > best


def test_the_unseen_squares_of_a_checkerboard_are_told() -> None:
    found = logistic_factors(
        _swipes(checkerboard()), LogisticSettings(d=2, ridge=1.0), np.random.default_rng(0)
    )
    user, item = np.nonzero(~np.eye(60, dtype=bool))
    told = found.scores(np.arange(60))[user, item] > 0
    assert np.array_equal(told, (user + item) % 2 == 0)


def test_only_passes_are_said() -> None:
    swipes = _swipes(Ratings.of(4, [0, 1], [1, 2], [1, 2]))
    with pytest.raises(NoLikes):
        logistic_factors(swipes, LogisticSettings(), np.random.default_rng(0))


def test_likers_of_everyone_passers_and_empty_rows_stay_finite() -> None:
    # 0 likes everyone, 1 passes everyone, 2 and 3 have swiped nobody.
    swipes = _swipes(Ratings.of(4, [0, 0, 0, 1, 1, 1], [1, 2, 3, 0, 2, 3], [9, 9, 9, 1, 1, 1]))
    found = logistic_factors(swipes, LogisticSettings(d=2), np.random.default_rng(0))
    scores = found.scores(np.arange(4))
    assert np.isfinite(scores).all()
    assert scores[0, 2] > scores[3, 2] > scores[1, 2]
    assert not found.user[2:].any()
