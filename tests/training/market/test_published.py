"""The published markets are the published ones, and the exact policies reach their figures."""

import numpy as np
import pytest

from training.market.congestion import best_exposures
from training.market.rankings import Floats, examination, ranked
from training.market.su import Applications
from training.market.tomita_yokoyama import Envies, MutualMarket
from training.market.transferable import transferable_matching
from training.market.welfare import best_policies, most_matches, nash

MUTUAL = MutualMarket.published()


def _is_of_rankings(exposures: Floats) -> bool:
    """Each row is majorised by the examination vector: a mixture of rankings has just these."""
    most = np.cumsum(examination(exposures.shape[1]))
    found = np.cumsum(-np.sort(-exposures, axis=1), axis=1)
    return bool(np.all(found <= most + 1e-9) and np.allclose(found[:, -1], most[-1]))


def test_naive_product_and_tu_matching_have_the_published_matches_and_envies() -> None:
    market, both = MUTUAL, MUTUAL.both
    mu = transferable_matching(market.left_likes + market.right_likes.T, 1.0)
    policies = (
        (ranked(market.left_likes), ranked(market.right_likes)),
        (ranked(both), ranked(both.T)),
        (ranked(mu), ranked(mu.T)),
    )
    assert [round(market.matches(*each), 4) for each in policies] == [6.0976, 13.2147, 15.4475]
    envies = [market.envies(*each) for each in policies]
    assert envies == [Envies(383, 172), Envies(211, 81), Envies(63, 10)]


def test_social_welfare_passes_the_published_one_in_matches_and_in_envy() -> None:
    found = most_matches(MUTUAL, np.random.default_rng(0))
    assert MUTUAL.matches(found.left, found.right) >= 16.6
    envies = MUTUAL.envies(found.left, found.right)
    assert envies.left <= 28
    assert envies.right <= 7
    assert _is_of_rankings(found.left)
    assert _is_of_rankings(found.right)


def test_nash_welfare_leaves_no_envy() -> None:
    found = best_policies(MUTUAL, nash)
    assert MUTUAL.envies(found.left, found.right) == Envies(0, 0)
    assert MUTUAL.matches(found.left, found.right) >= 15.76
    assert _is_of_rankings(found.left)
    assert _is_of_rankings(found.right)


@pytest.mark.parametrize(
    ("common", "naive", "reciprocal", "published"),
    [
        (0.0, 156.3, 199.9, 198.5),
        (0.25, 128.7, 166.6, 173.5),
        (0.5, 106.9, 131.0, 152.7),
        (0.75, 95.0, 105.0, 134.2),
        (1.0, 92.1, 92.1, 118.2),
    ],
)
def test_where_all_agree_more_or_less_the_published_figure_is_passed(
    common: float, naive: float, reciprocal: float, published: float
) -> None:
    market = Applications.published(common)
    assert round(market.matches(ranked(market.f)), 1) == naive
    assert round(market.matches(ranked(market.f * market.g.T)), 1) == reciprocal
    best = best_exposures(market)
    assert market.matches(best) >= published + 0.9
    assert _is_of_rankings(best)
