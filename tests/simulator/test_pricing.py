"""Prices of the simulator's policies: who is crowded costs, whoever is away does not."""

import numpy as np
import numpy.typing as npt

from features.prices import Prices
from simulator.attendance import Attendance
from simulator.pricing import LENGTH, SHARP, find_prices, shortlist

_PEOPLE = 120
_STARS = 3

Floats32 = npt.NDArray[np.float32]
Found = tuple[npt.NDArray[np.int64], Floats32, Floats32]


def _lists(viewer: int, mean: Floats32) -> Found:
    """Everybody but oneself may be shown; the first three are liked by all, the others by half."""
    candidates = np.setdiff1d(np.arange(_PEOPLE), [viewer])
    there = np.log(np.where(candidates < _STARS, 0.95, 0.5), dtype=np.float32)
    back = np.random.default_rng(viewer).normal(size=len(candidates)).astype(np.float32)
    at = shortlist(there, mean[candidates])
    return candidates[at], there[at], back[at]


def _prices(present: npt.NDArray[np.bool_], seed: int = 0) -> Prices:
    attendance = Attendance(_PEOPLE)
    now = Prices.free(_PEOPLE)
    return find_prices(_lists, now, attendance, present, SHARP, np.random.default_rng(seed))


def test_who_is_liked_by_all_costs_most() -> None:
    found = _prices(np.ones(_PEOPLE, bool)).mean()
    assert found[:_STARS].min() > 1.2 * np.median(found[_STARS:])


def test_where_nobody_looks_nobody_costs_anything() -> None:
    assert not _prices(np.zeros(_PEOPLE, bool)).nats.any()


def test_equal_generators_give_equal_prices() -> None:
    one, again = (_prices(np.ones(_PEOPLE, bool), 5) for _ in range(2))
    np.testing.assert_array_equal(one.nats, again.nats)


def test_who_is_priced_out_stays_in_question() -> None:
    free = np.linspace(0.0, -3.0, 3 * LENGTH).astype(np.float32)
    mean = np.zeros_like(free)
    mean[:10] = 8.0
    places = shortlist(free, mean)
    assert set(range(10)) <= set(places.tolist())
    assert 10 + LENGTH // 2 - 1 in places
    assert len(places) <= LENGTH
