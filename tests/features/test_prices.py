"""Tables of prices: between knots, as lines, rounded; and the dial that they count by."""

import numpy as np
import pytest

from features.prices import KNOTS, Prices, StrengthRefused, require_strength


def test_between_two_knots_a_price_lies_on_a_line_and_beyond_them_it_stays() -> None:
    knots = np.arange(KNOTS, dtype=np.float32)[None]
    prices = Prices(np.repeat(knots, 5, axis=0), np.repeat(2.0 * knots + 1.0, 5, axis=0))
    logits = np.array([-9.0, 0.0, 2.5, 7.0, 99.0], np.float32)
    np.testing.assert_allclose(prices.at(logits), [1.0, 1.0, 6.0, 15.0, 15.0], rtol=1e-6)
    np.testing.assert_array_equal(prices.uppermost(), prices.at(np.full(5, 99.0, np.float32)))


def test_where_knots_are_in_one_place_the_price_steps_there() -> None:
    knots = np.array([[0, 0, 0, 0, 1, 1, 2, 2]], np.float32)
    prices = Prices(np.repeat(knots, 3, axis=0), np.tile(np.arange(8, dtype=np.float32), (3, 1)))
    np.testing.assert_allclose(prices.at(np.array([-0.5, 0.5, 1.5], np.float32)), [0.0, 3.5, 5.5])


def test_who_is_free_costs_nothing_anywhere() -> None:
    free = Prices.free(3)
    assert not free.at(np.array([-5.0, 0.0, 5.0], np.float32)).any()
    assert not free.mean().any() and not free.uppermost().any()


def test_rounded_prices_are_near_and_rounding_again_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    knots = np.sort(rng.normal(0, 3, (50, KNOTS)), axis=1).astype(np.float32)
    prices = Prices(knots, rng.uniform(0, 8, (50, KNOTS)).astype(np.float32))
    rounded = prices.rounded()
    logits = rng.normal(size=50).astype(np.float32)
    assert np.abs(rounded.at(logits) - prices.at(logits)).max() < 0.02
    np.testing.assert_array_equal(rounded.rounded().nats, rounded.nats)
    assert (np.diff(rounded.knots, axis=1) >= 0).all()


@pytest.mark.parametrize("strength", [-1e-9, -1.0, 10.1, float("inf"), float("nan")])
def test_a_strength_below_nothing_or_without_measure_is_refused(strength: float) -> None:
    with pytest.raises(StrengthRefused, match="not a number from 0 to 10"):
        require_strength(strength)
    require_strength(0.0)
    require_strength(10.0)
