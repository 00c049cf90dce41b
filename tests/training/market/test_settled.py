"""Whom a viewer is not shown by a guess: against sets of pairs."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.behaviour import logit
from tests.training.test_pricing import four
from training.market.settled import Settled

N = 6
rows = st.integers(0, N - 1)
swipes = st.lists(st.tuples(rows, rows, st.booleans()), max_size=30)


@given(swipes, st.sets(rows), st.sets(rows))
@settings(max_examples=200, deadline=None)
def test_an_asked_viewer_is_not_shown_whom_they_swiped_nor_who_told(
    made: list[tuple[int, int, bool]], asked: set[int], sample: set[int]
) -> None:
    swiper, swiped, told = np.array(made, np.int64).reshape(-1, 3).T
    settled = Settled(swiper.astype(np.int32), swiped.astype(np.int32), told.astype(bool))
    pairs = {(one, other) for one, other, _ in made}
    pairs |= {(other, one) for one, other, tells in made if tells}
    left_out = settled.of_viewers(np.isin(np.arange(N), list(asked)))
    among = np.array(sorted(sample), np.int64)
    for viewer in range(N):
        expected = [viewer in asked and (viewer, other) in pairs for other in among.tolist()]
        assert left_out.among(viewer, among).tolist() == expected


@pytest.mark.parametrize(
    ("likes_all", "whom"),
    [
        # Of all own swipes, and of who has told: of 1 all three others, of 2 both 0 and 1.
        ((), [{1, 2, 3}, {0, 2, 3}, {0, 1}, {0, 1}]),
        # Likes of 0 and 3, who like all, tell nothing: 3 may be shown to 1 by a guess, and 0 to 2.
        ((0, 3), [{1, 2, 3}, {0, 2}, {1}, {0, 1}]),
    ],
)
def test_passes_tell_and_likes_that_say_something(
    likes_all: tuple[int, ...], whom: list[set[int]]
) -> None:
    datasets, sides = four()
    given = np.full(4, logit(np.float32(0.5)), np.float32)
    given[list(likes_all)] = logit(np.float32(0.95))
    left_out = Settled.of(datasets.seen, replace(sides, given_logit=given)).of_viewers(
        np.ones(4, bool)
    )
    everybody = np.arange(4)
    found = [set(everybody[left_out.among(each, everybody)].tolist()) for each in range(4)]
    assert found == whom
