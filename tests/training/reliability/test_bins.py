"""The error of probabilities, on outcomes whose probabilities are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.reliability.bins import calibration_error, error_by_chance, reliability, tenth_of


def test_exact_probabilities_have_the_error_of_chance() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(20_000)
    found = calibration_error(p, rng.random(20_000) < p, np.arange(20_000) % 500)
    assert found.value == pytest.approx(error_by_chance(p, rng), rel=0.5)
    assert found.low < error_by_chance(p, rng) < found.high


def test_probabilities_that_are_off_by_a_tenth_have_an_error_of_a_tenth() -> None:
    rng = np.random.default_rng(1)
    p = 0.2 + 0.6 * rng.random(50_000)
    found = calibration_error(p + 0.1, rng.random(50_000) < p, np.arange(50_000))
    assert found.value == pytest.approx(0.1, abs=0.01)
    assert found.low < 0.1 < found.high


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=60))
def test_outcomes_that_are_the_probabilities_have_no_error(p: list[float]) -> None:
    assert reliability(np.array(p), np.array(p)).error == 0.0


@given(st.integers(1, 95))
def test_bins_hold_every_swipe_once(m: int) -> None:
    p = np.random.default_rng(m).random(m)
    assert reliability(p, p > 0.5).swipes.sum() == m


def test_too_few_swipes_have_no_error() -> None:
    found = calibration_error(np.full(5, 0.5), np.ones(5, bool), np.arange(5))
    assert np.isnan([found.value, found.low, found.high]).all()
    assert np.isnan(reliability(np.empty(0), np.empty(0, bool)).error)


def test_the_tenth_is_of_people_and_not_of_swipes() -> None:
    value = np.linspace(0.0, 1.0, 20)
    # The first two of twenty people made one swipe each, the others fifty.
    person = np.concatenate(([0, 1], np.repeat(np.arange(2, 20), 50)))
    assert np.flatnonzero(tenth_of(value, person, lowest=True)).tolist() == [0, 1]
    assert np.unique(person[tenth_of(value, person, lowest=False)]).tolist() == [18, 19]
