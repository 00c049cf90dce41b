"""Gini: known spreads, and that it is the mean difference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.inequality import gini


@pytest.mark.parametrize(
    ("amounts", "expected"), [([3, 3, 3, 3], 0.0), ([0, 0, 0, 8], 0.75), ([3, 1], 0.25), ([5], 0.0)]
)
@pytest.mark.parametrize("kind", [np.int64, np.float64])
def test_known_spreads(amounts: list[int], expected: float, kind: type) -> None:
    assert gini(np.array(amounts, kind)) == pytest.approx(expected)


@pytest.mark.parametrize("nothing", [[], [0.0], [0.0, 0.0]])
def test_nothing_is_spread_in_no_way(nothing: list[float]) -> None:
    assert np.isnan(gini(np.array(nothing, float)))


@given(st.lists(st.floats(0, 100), min_size=1, max_size=40).filter(lambda x: sum(x) > 1e-6))
@settings(max_examples=50)
def test_it_is_the_mean_difference(amounts: list[float]) -> None:
    x = np.array(amounts)
    expected = np.abs(x[:, None] - x[None]).sum() / (2 * len(x) * x.sum())
    assert gini(x) == pytest.approx(expected, abs=1e-9)
