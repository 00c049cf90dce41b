"""The draw is Plackett-Luce, its propensities are exact, and it is a pure function of its name."""

from itertools import permutations
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.plackett_luce import draw, gumbels, log_propensities
from serving.exposure import Draw, expose, seed_of

SCORES = st.lists(st.floats(-8, 0), min_size=1, max_size=5)
TAU = st.floats(0.05, 3.0)


@given(SCORES, TAU)
def test_the_probabilities_of_all_orders_sum_to_one(scores: list[float], tau: float) -> None:
    total = sum(
        np.exp(log_propensities([scores[i] for i in order], tau).sum())
        for order in permutations(range(len(scores)))
    )
    assert total == pytest.approx(1.0)


@given(SCORES, TAU)
def test_each_propensity_is_the_share_among_those_left(scores: list[float], tau: float) -> None:
    found = np.exp(log_propensities(scores, tau))
    weights = np.exp((np.array(scores) - max(scores)) / tau)
    for place, chance in enumerate(found):
        left = weights[place:].sum()
        if left > 1e-290:
            assert chance == pytest.approx(weights[place] / left, rel=1e-6, abs=1e-12)


def test_the_draw_follows_its_propensities() -> None:
    scores, tau = np.array([-1.0, -1.3, -2.0]), 0.5
    counts: dict[tuple[int, ...], int] = {}
    draws = 20_000
    noise = gumbels(12345, np.arange(3 * draws)).reshape(draws, 3)
    for each in noise:
        order = tuple(draw(scores, tau, each).tolist())
        counts[order] = counts.get(order, 0) + 1
    for order in permutations(range(3)):
        expected = np.exp(log_propensities(scores[list(order)], tau).sum())
        error = 4 * np.sqrt(expected * (1 - expected) / draws)
        assert counts.get(order, 0) / draws == pytest.approx(expected, abs=error)


def test_the_noise_is_standard_gumbel() -> None:
    noise = gumbels(7, np.arange(200_000))
    assert noise.mean() == pytest.approx(np.euler_gamma, abs=0.01)
    assert noise.std() == pytest.approx(np.pi / np.sqrt(6), abs=0.01)
    assert np.corrcoef(noise, gumbels(8, np.arange(200_000)))[0, 1] == pytest.approx(0, abs=0.01)


def test_the_same_name_gives_the_same_draw_and_another_gives_another() -> None:
    ids, scores = np.arange(1, 101), np.zeros(100)
    name = Draw(42, UUID(int=5), "7", 9)
    first = expose(name, ids, scores, 0.3).tolist()
    assert expose(name, ids, scores, 0.3).tolist() == first
    for other in (
        Draw(43, UUID(int=5), "7", 9),
        Draw(42, UUID(int=6), "7", 9),
        Draw(42, UUID(int=5), "8", 9),
        Draw(42, UUID(int=5), "7", 10),
    ):
        assert expose(other, ids, scores, 0.3).tolist() != first


@given(st.sets(st.integers(0, 29), min_size=1, max_size=29))
def test_leaving_people_out_leaves_the_order_of_the_others(left_out: set[int]) -> None:
    name = Draw(42, UUID(int=5), "7", 9)
    ids, scores = np.arange(1, 31), np.linspace(-3, 0, 30)
    whole = ids[expose(name, ids, scores, 0.3)]
    kept = np.array([place not in left_out for place in range(30)])
    rest = ids[kept][expose(name, ids[kept], scores[kept], 0.3)]
    assert rest.tolist() == [person for person in whole if kept[person - 1]]


def test_the_seed_belongs_to_the_release_and_fits_json() -> None:
    assert seed_of("a") == seed_of("a") != seed_of("b")
    assert 0 <= seed_of("a") < 2**52
