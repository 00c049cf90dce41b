"""Prices of the simulator's policies: who is crowded costs, whoever is away does not."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from features.prices import Prices
from simulator.pricing import best_of, find_prices
from training.market.served import LENGTH, shape_of
from training.market.week import Week

_PEOPLE = 120
_STARS = 3

Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Found = tuple[Ints, Floats32, Floats32]


def _lists(viewers: Ints, mean: Floats32) -> Iterator[Found]:
    """Everybody but oneself may be shown; the first three are liked by all, the others by half."""
    for viewer in viewers.tolist():
        candidates = np.setdiff1d(np.arange(_PEOPLE), [viewer])
        there = np.log(np.where(candidates < _STARS, 0.95, 0.5), dtype=np.float32)
        back = np.random.default_rng(viewer).normal(size=len(candidates)).astype(np.float32)
        at = best_of(there - mean[candidates])
        yield candidates[at], there[at], back[at]


def _prices(cards: float, waiting: int = 0, seed: int = 0) -> Prices:
    """Where everybody looks at so many cards a week, and so many likes wait for each."""
    week = Week(
        cards=np.full(_PEOPLE, cards, np.float32),
        visits=np.full(_PEOPLE, 2.0, np.float32),
        waiting=np.full(_PEOPLE, waiting),
    )
    return find_prices(_lists, week, shape_of(1.0), np.random.default_rng(seed))


def test_who_is_liked_by_all_costs_most() -> None:
    found = _prices(cards=28.0).mean()
    assert found[:_STARS].min() > 1.2 * np.median(found[_STARS:])


def test_where_nobody_looks_nobody_costs_anything() -> None:
    assert not _prices(0.0, waiting=3).nats.any()


@pytest.mark.parametrize(("waiting", "left"), [(6, 22.0), (20, 14.0), (400, 14.0)])
def test_likes_that_wait_take_their_cards_from_the_rest_half_at_most(
    waiting: int, left: float
) -> None:
    one, other = _prices(28.0, waiting), _prices(left)
    np.testing.assert_array_equal(one.nats, other.nats)


def test_many_viewers_are_asked_for_at_once_and_each_once_a_round() -> None:
    asked: list[int] = []
    prices: list[Floats32] = []
    week = Week(
        cards=(np.arange(_PEOPLE) % 3).astype(np.float32),
        visits=np.ones(_PEOPLE, np.float32),
        waiting=np.zeros(_PEOPLE, np.int64),
    )

    def lists(viewers: Ints, mean: Floats32) -> Iterator[Found]:
        asked.extend(viewers.tolist())
        prices.append(mean)
        return _lists(viewers, mean)

    found = find_prices(lists, week, shape_of(1.0), np.random.default_rng(0))
    assert asked == len(prices) * [row for row in range(_PEOPLE) if row % 3]
    # Nobody costs anything at first, and each round goes by the prices of the one before.
    assert not prices[0].any()
    assert all((one != other).any() for one, other in pairwise([*prices, found.mean()]))


def test_equal_generators_give_equal_prices() -> None:
    one, again = (_prices(28.0, seed=5) for _ in range(2))
    np.testing.assert_array_equal(one.nats, again.nats)


def test_the_best_are_a_lists_length_of_the_highest() -> None:
    score = np.random.default_rng(0).normal(size=3 * LENGTH).astype(np.float32)
    assert sorted(best_of(score).tolist()) == sorted(np.argsort(-score)[:LENGTH].tolist())
    assert best_of(score[:LENGTH]).tolist() == list(range(LENGTH))
