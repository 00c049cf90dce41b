"""The exact policies beside all there are, on markets small enough to try them all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.market.worlds import applications, by_simulation, every_ranking, mutual
from training.market.congestion import best_exposures
from training.market.rankings import drawn, even, examination, ranked
from training.market.su import Applications
from training.market.tomita_yokoyama import Envies, MutualMarket
from training.market.transferable import transferable_matching
from training.market.welfare import best_policies, most_matches, nash, social

SEEDS = st.integers(0, 10_000)


@pytest.mark.parametrize("seed", range(8))
def test_social_welfare_is_the_best_of_all_rankings(seed: int) -> None:
    market = mutual(2, 3, seed)
    found = most_matches(market, np.random.default_rng(0))
    best = max(
        market.matches(left, right) for left in every_ranking(2, 3) for right in every_ranking(3, 2)
    )
    assert market.matches(found.left, found.right) == pytest.approx(best)


@pytest.mark.parametrize("seed", range(8))
def test_the_policy_of_applications_is_near_the_best_of_all_rankings(seed: int) -> None:
    market = applications(4, 3, seed)
    best = max(market.matches(each) for each in every_ranking(4, 3))
    assert 0.99 * best <= market.matches(best_exposures(market)) <= best + 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_matches_of_applications_are_those_of_drawing_them(seed: int) -> None:
    market = applications(5, 3, seed)
    exposures = ranked(market.f)
    assert market.matches(exposures) == pytest.approx(
        by_simulation(market, exposures, 20_000), rel=0.02
    )


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_a_gain_is_the_derivative(seed: int) -> None:
    market = applications(4, 3, seed)
    rng = np.random.default_rng(seed)
    exposures = 0.2 + 0.5 * rng.random((4, 3))
    towards = rng.standard_normal((4, 3))
    step = 1e-5
    slope = market.matches(exposures + step * towards) - market.matches(exposures - step * towards)
    gains = market.gains(exposures).each
    assert slope / (2 * step) == pytest.approx(float(np.sum(gains * towards)), rel=1e-5, abs=1e-7)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(1, 4), st.integers(1, 4))
def test_no_policy_is_better_than_ranking_by_what_is_linear(seed: int, n: int, m: int) -> None:
    scores = np.random.default_rng(seed).standard_normal((n, m))
    best = np.sum(scores * ranked(scores), axis=1)
    other = ranked(np.random.default_rng(seed + 1).standard_normal((n, m)))
    assert np.all(np.sum(scores * other, axis=1) <= best + 1e-12)


def test_a_market_by_hand() -> None:
    # Two of each side; everybody prefers the first. Welfare crosses the pairs over.
    market = MutualMarket(np.array([[1.0, 0.9], [1.0, 0.9]]), np.array([[1.0, 0.9], [1.0, 0.9]]))
    naive = ranked(market.left_likes), ranked(market.right_likes)
    # 1 x 1 (first pair), .9 x .5 twice (crossed), .81 x .25 (second pair).
    assert market.matches(*naive) == pytest.approx(1.0 + 2 * 0.9 * 0.5 + 0.81 * 0.25)
    # The first of each is preferred by the second of each side's place on no list but its own.
    assert market.envies(*naive) == Envies(1, 1)
    # Paired: (1, 1) and (2, 2) at both tops: 1 + .81 and the crossed pairs at a quarter each.
    assert market.matches(np.array([[1, 0.5], [0.5, 1]]), np.array([[1, 0.5], [0.5, 1]])) == (
        pytest.approx(1.0 + 0.81 + 2 * 0.9 * 0.25)
    )


def test_two_applicants_by_hand() -> None:
    # One job; both apply for sure; the better is read, the other half the time.
    market = Applications(np.ones((2, 1)), np.array([[1.0, 0.5]]))
    found = market.gains(np.ones((2, 1)))
    assert found.matches == pytest.approx(1.25)
    # More of the better pushes the other down: from 1/2 to 1/3 by one certain one more, but the
    # derivative is of the better's own application: with it 1/2 is read, without it all.
    assert found.each == pytest.approx(np.array([[1.0 - 0.5 * 0.5], [0.25]]))


@pytest.mark.parametrize(("left", "right"), [(0, 3), (3, 0), (1, 1), (0, 0)])
def test_a_side_may_be_empty_or_have_one_person(left: int, right: int) -> None:
    market = mutual(left, right, 0)
    for weigh in (social, nash):
        found = best_policies(market, weigh, steps=10)
        expected = float(np.sum(market.both)) if (left, right) == (1, 1) else 0.0
        assert market.matches(found.left, found.right) == pytest.approx(expected)
    most = most_matches(market, np.random.default_rng(0))
    assert most.left.shape == (left, right)
    assert transferable_matching(market.both, 1.0).shape == (left, right)
    jobs = applications(left, right, 0)
    assert best_exposures(jobs).shape == (left, right)


def test_probabilities_of_nothing_and_of_everything() -> None:
    for value in (0.0, 1.0):
        market = Applications(np.full((5, 3), value), np.full((3, 5), value))
        matches = market.matches(best_exposures(market))
        assert np.isfinite(matches)
        assert matches >= market.matches(ranked(market.f)) - 1e-9
        both = MutualMarket(np.full((3, 2), value), np.full((2, 3), value))
        found = best_policies(both, nash)
        # All are the same: each has the same share of what there is, as the lists turn.
        of_left = np.sum(both.both * found.left * found.right.T, axis=1)
        assert of_left == pytest.approx(np.full(3, of_left.mean()), rel=0.01)


def test_drawn_exposures_are_of_rankings_and_even_without_preferences() -> None:
    found = drawn(np.zeros((2, 4)), 1.0, 3_000, np.random.default_rng(1))
    assert found.sum(axis=1) == pytest.approx(np.full(2, examination(4).sum()))
    assert found == pytest.approx(even(2, 4), abs=0.03)
