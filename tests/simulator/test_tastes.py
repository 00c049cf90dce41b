"""Tastes: what a market's truth is made of, part by part."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from features.eligibility import unit_vectors
from simulator.population import draw_population
from simulator.tastes import Market

VIEWERS = np.arange(0, 40)
CANDIDATES = np.arange(500, 540)


@pytest.fixture(scope="module")
def market() -> Market:
    return Market.draw(draw_population(1_000, datetime(2024, 3, 1, tzinfo=UTC), seed=1), seed=1)


def apart(market: Market, km: float) -> Market:
    """The same people, each so far north of whoever looks at them."""
    latitude = np.full(len(market.person), 37.0)
    latitude[CANDIDATES] += np.degrees(km / 6371.0088)
    return replace(market, home=unit_vectors(latitude, np.full_like(latitude, -122.0)))


@pytest.mark.parametrize("km", [0.0, 1.0, 20.0, 400.0])
def test_the_way_costs_by_its_logarithm_whom_one_asks_both_ways(market: Market, km: float) -> None:
    near, far = apart(market, 5.0), apart(market, km)
    for one, other in ((VIEWERS, CANDIDATES), (CANDIDATES, VIEWERS)):
        for logits in (Market.logits, Market.learnable):
            difference = logits(far, one, other) - logits(near, one, other)
            expected = market.nearness[one] * (np.log1p(5.0) - np.log1p(km))
            np.testing.assert_allclose(difference, expected, atol=1e-6)


def test_people_mind_the_way_more_or_less_and_nobody_likes_it(market: Market) -> None:
    assert market.nearness.min() > 0.0
    assert market.nearness.std() > 0.3 * market.nearness.mean()
