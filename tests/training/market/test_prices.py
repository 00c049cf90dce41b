"""Prices by turns: what they find in markets that one can see through."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from features.prices import KNOTS, Prices
from tests.training.market.worlds import Floats
from training.market.inboxes import BINS, MOST, Inboxes, prices_of_bins, single, table
from training.market.prices import Serving, Shape, solve
from training.market.rankings import drawn, examination, ranked
from training.market.reading import attentions, read
from training.market.shortlists import NOBODY, Shortlists, by_position, day_by_day, exposed
from training.market.su import Applications

ONE = by_position([1.0])
SERVING = Serving(by_position(examination(12)), 0.05)


def _solved(
    batches: list[Shortlists], n: int, serving: Serving = SERVING, steps: int = 60
) -> Prices:
    return solve(batches, np.ones(n, np.float32), serving, np.random.default_rng(3), steps)


def test_nobody_pays_for_whom_only_one_would_see() -> None:
    # Two viewers look at one card each; each has only their own candidate.
    lists = Shortlists.of([[0, NOBODY], [1, NOBODY]], [[0.5, 0], [0.5, 0]], [[0.5, 0]] * 2, [1, 1])
    prices = _solved([lists], 2, Serving(ONE, 0.1))
    # Half a like a day comes, and one more of them would now and then stand behind it.
    assert prices.at(np.zeros(2, np.float32)) == pytest.approx(np.full(2, -np.log(read(0.5))))


def test_a_crowd_by_hand() -> None:
    # 40 viewers, all alike (p = 1, q = 1/2), see one candidate for sure: 40 likes in one bin.
    lists = Shortlists.of(np.zeros((40, 1)), np.ones((40, 1)), np.full((40, 1), 0.5), np.ones(40))
    prices = _solved([lists], 1, Serving(ONE, 0.1), 5)
    # One more of them is read as the last of 40 is.
    assert float(prices.at(np.zeros(1, np.float32))[0]) == pytest.approx(-np.log(read(40.0)))


def test_where_all_agree_prices_make_them_take_turns() -> None:
    p = np.tile([0.9, 0.8, 0.7, 0.6], (12, 1))
    q = np.tile(np.linspace(0.9, 0.2, 12)[:, None], (1, 4))
    market = Applications(p, q.T.copy())
    looked = float(examination(4).sum())
    lists = Shortlists.dense(p, q, looked)
    serving = Serving(by_position(examination(4)), 0.05)
    prices = solve([lists], np.ones(4, np.float32), serving, np.random.default_rng(1), 200)
    rng = np.random.default_rng(2)
    with_prices = drawn(lists.scores(prices), 0.05, 400, rng)
    assert market.matches(with_prices) > 1.05 * market.matches(ranked(market.f * market.g.T))
    assert with_prices.sum(axis=1) == pytest.approx(np.full(12, looked))


def _random(seed: int, viewers: int, candidates: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    return rng.random((viewers, candidates)), rng.random((viewers, candidates))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 8), st.integers(1, 8), st.sampled_from([table, single]))
def test_a_table_is_ascending_free_or_dear_and_the_same_again(
    seed: int, viewers: int, candidates: int, shape: Shape
) -> None:
    lists = Shortlists.dense(*_random(seed, viewers, candidates), 3.0)

    def prices() -> Prices:
        attention = np.ones(candidates, np.float32)
        return solve([lists], attention, SERVING, np.random.default_rng(seed), 5, shape)

    found = prices()
    assert found.knots.shape == found.nats.shape == (candidates, KNOTS)
    assert found.knots.dtype == found.nats.dtype == np.float32
    assert np.all(np.diff(found.knots, axis=1) > 0)
    assert np.all((found.nats >= 0) & (found.nats <= MOST))
    again = prices()
    assert np.array_equal(found.knots, again.knots)
    assert np.array_equal(found.nats, again.nats)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(0.01, 50.0), st.integers(1, 12))
def test_no_look_is_lost_and_none_is_made_up(seed: int, looked: float, m: int) -> None:
    scores = np.random.default_rng(seed).standard_normal((3, m)).astype(np.float32)
    cards = np.full(3, looked, np.float32)
    spread = exposed(scores, by_position(examination(m))(cards, m))
    assert spread.sum(axis=1) == pytest.approx(cards, rel=1e-4)
    assert np.all(np.argsort(-spread, axis=1)[:, 0] == np.argmax(scores, axis=1))
    by_day = exposed(scores, day_by_day(cards, m))
    reached = (looked / (1 + looked)) ** m
    assert by_day.sum(axis=1) == pytest.approx(cards * (1 - reached), rel=1e-3, abs=1e-5)
    assert np.all(by_day <= 1.0)


def test_who_is_read_more_and_who_sets_their_dial_higher_costs_less() -> None:
    lists = Shortlists.dense(*_random(1, 30, 4), 2.0)

    def mean(own_dial: float, strength: float) -> float:
        attention = attentions(np.ones(4), own_dial, strength)
        serving = Serving(by_position(examination(4)), 0.05)
        found = solve([lists], attention, serving, np.random.default_rng(0), 40)
        return float(found.mean().mean())

    assert mean(4.0, 1.0) < mean(1.0, 1.0) < mean(0.25, 1.0)
    assert mean(1.0, 2.0) == pytest.approx(mean(0.5, 1.0))
    assert mean(1.0, 0.0) == 0.0


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_probabilities_of_nothing_and_of_everything_have_finite_prices(value: float) -> None:
    lists = Shortlists.dense(np.full((6, 3), value), np.full((6, 3), value), 2.0)
    found = _solved([lists], 3)
    assert np.isfinite(found.nats).all()
    if value == 0.0:
        assert np.all(found.nats < 1e-3)
    assert np.isfinite(lists.scores(found)).all()


def test_all_identical_are_charged_alike() -> None:
    lists = Shortlists.dense(np.full((20, 5), 0.5), np.full((20, 5), 0.5), 3.0)
    q = np.zeros(5, np.float32)
    charged = _solved([lists], 5, steps=300).at(q)
    # 20 viewers look at 3 cards each and like half: six likes for each of the five.
    assert charged == pytest.approx(np.full(5, -np.log(read(6.0))), rel=0.1)


def _matches(likes: Floats, q: Floats) -> float:
    """Of one candidate who reads likes of falling q (k,) in this order."""
    ends = np.cumsum(likes)
    return float(
        sum(
            each * quad(lambda s: float(-np.expm1(-s) / s) if s else 1.0, end - own, end)[0]
            for own, each, end in zip(likes, q, ends, strict=True)
        )
    )


@pytest.mark.parametrize("of", range(0, BINS, 5))
def test_what_a_like_is_worth_is_the_slope_of_all_matches(of: int) -> None:
    rng = np.random.default_rng(of)
    likes = rng.gamma(0.5, 0.4, (1, BINS)).astype(np.float32)
    knots = np.linspace(-2.0, 2.0, KNOTS, dtype=np.float32)[None]
    worth = Inboxes(likes).worth(knots, np.ones(1, np.float32))
    q = 1.0 / (1.0 + np.exp(-prices_of_bins(knots)[0].astype(float)))
    more, less = likes[0].astype(float), likes[0].astype(float)
    more[of] += 1e-4
    slope = (_matches(more[::-1], q[::-1]) - _matches(less[::-1], q[::-1])) / 1e-4
    assert float(worth[0, of]) == pytest.approx(slope / q[of], abs=2e-3)


def test_three_who_like_only_each_other_are_no_concern_of_others() -> None:
    rng = np.random.default_rng(0)
    n = 13
    p = rng.uniform(0.3, 0.9, (n, n))
    three = np.arange(n) < 3
    p[three[:, None] != three[None, :]] = 0.0
    np.fill_diagonal(p, 0.0)
    found = _solved([Shortlists.dense(p, p.T, 3.0)], n)
    for some in (three, ~three):
        other = p.copy()
        other[np.ix_(some, some)] = p[np.ix_(some, some)].T ** 2
        again = _solved([Shortlists.dense(other, other.T, 3.0)], n)
        np.testing.assert_allclose(found.nats[~some], again.nats[~some], atol=1e-5)
        assert np.abs(found.nats[some] - again.nats[some]).max() > 0.05
    assert found.nats[three].any() and found.nats[~three].any()


@pytest.mark.parametrize(("viewers", "candidates"), [(0, 4), (3, 0), (0, 0)])
def test_an_empty_side_has_free_prices(viewers: int, candidates: int) -> None:
    lists = Shortlists.dense(np.zeros((viewers, candidates)), np.zeros((viewers, candidates)), 1.0)
    found = _solved([lists], candidates, Serving(day_by_day, 0.1))
    assert len(found) == candidates
    assert not found.nats.any()
    assert len(_solved([], 2)) == 2


def test_a_single_price_is_the_same_for_all_viewers() -> None:
    worth = np.linspace(1.0, 0.1, BINS, dtype=np.float32)[None]
    likes = np.ones((1, BINS), np.float32)
    nats = single(worth, likes)
    assert np.all(nats == nats[0, 0])
    assert float(nats[0, 0]) == pytest.approx(-np.log(worth.mean()), rel=1e-4)
    assert np.all(np.diff(table(worth, likes)) > 0)
