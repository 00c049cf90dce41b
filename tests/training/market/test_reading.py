"""How a crowd is read, and which dials are none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.market.reading import NotADial, attentions, read


@given(st.floats(0.0, 60.0, width=32))
def test_a_like_behind_poisson_others_is_read_by_position(ahead: float) -> None:
    k = np.arange(400)
    log_mass = k * np.log(max(ahead, 1e-30)) - ahead - np.cumsum(np.log(np.maximum(k, 1)))
    expected = float(np.sum(np.exp(log_mass) / (1.0 + k)))
    assert float(read(ahead)) == pytest.approx(expected, rel=1e-4)


def test_with_nobody_ahead_a_like_is_read_for_sure() -> None:
    assert float(read(0.0)) == 1.0


def test_dials_multiply_and_the_operators_zero_prices_nobody() -> None:
    assert attentions([1.0, 2.0], 3.0, 2.0).tolist() == [1.5, 3.0]
    assert np.isposinf(attentions([1.0, 2.0], 1.0, 0.0)).all()


@pytest.mark.parametrize(
    ("usual", "own", "strength"),
    [
        (1.0, -1.0, 1.0),
        (1.0, 0.0, 1.0),
        (-1.0, 1.0, 1.0),
        ([1.0, np.nan], 1.0, 1.0),
        (1.0, 1.0, -0.1),
        (1.0, 1.0, np.inf),
        (1.0, 1.0, np.nan),
    ],
)
def test_what_is_no_dial_is_refused(usual: float, own: float, strength: float) -> None:
    with pytest.raises(NotADial, match=r"must be"):
        attentions(usual, own, strength)
