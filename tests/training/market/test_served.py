"""Prices as a release has them: a like is worth less to whoever gets many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training.market.inboxes import BINS, MOST, table_beside_cards
from training.market.served import shape_of

N = 5
ALL_READ = np.ones((N, BINS), np.float32)
some = st.floats(2.0**-10, 100.0, width=32)
likes_of_five = arrays(np.float32, (N, BINS), elements=st.just(0.0) | some)


def evenly(total: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.full(BINS, total / BINS, np.float32)


def test_whoever_gets_as_many_as_is_usual_pays_the_logarithm_of_two_and_so_on() -> None:
    likes = np.stack([evenly(4.0)] * N)
    usual = shape_of(1.0)(ALL_READ, likes)
    assert usual == pytest.approx(np.full_like(usual, 0.75 * np.log(2.0)), rel=1e-5)
    likes = np.stack([evenly(each) for each in (0.0, 2.0, 6.0, 8.0, 16.0)])
    found = shape_of(1.0)(ALL_READ, likes)[:, 0]
    # 8 are usual of those who get any.
    assert found == pytest.approx(0.75 * np.log1p([0.0, 0.25, 0.75, 1.0, 2.0]), rel=1e-5)


def test_whoever_has_twice_the_room_pays_for_half_the_crowd() -> None:
    likes = np.stack([evenly(8.0)] * N)
    room = np.array([1.0, 2.0, 4.0, 0.5, 1.0], np.float32)
    found = shape_of(room)(ALL_READ, likes)[:, 0]
    assert found == pytest.approx(0.75 * np.log1p(1.0 / room), rel=1e-5)


@given(likes_of_five, st.floats(0.125, 8.0))
def test_what_is_not_read_costs_on_top_and_how_many_likes_there_are_at_all_does_not_matter(
    likes: np.ndarray[tuple[int, int], np.dtype[np.float32]], times: float
) -> None:
    half_read = np.full_like(ALL_READ, 0.5)
    read = table_beside_cards(half_read, likes)
    found = shape_of(1.0)(half_read, likes)
    assert np.isfinite(found).all() and found.min() >= 0.0 and found.max() <= MOST
    assert np.all(found >= read - 1e-5)
    again = shape_of(1.0)(half_read, likes * np.float32(times))
    assert again == pytest.approx(found, abs=1e-3)


def test_where_nobody_is_liked_nobody_pays() -> None:
    nobody = np.zeros((N, BINS), np.float32)
    assert not shape_of(1.0)(ALL_READ, nobody).any()
