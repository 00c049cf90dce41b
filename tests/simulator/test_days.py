"""A day: who matches, also by likes that came before the first."""

import numpy as np
import pytest

from simulator.days import Swiped, live_days
from simulator.fast import FastApp
from tests.simulator.towns import First, crowd_of, town_of

SURE = 50.0


@pytest.mark.parametrize("eligible", [((0, 1),), ((0, 1), (0, 2)), ((0, 2), (0, 3))])
def test_a_like_from_before_the_first_day_is_met_by_a_card_or_an_answer(
    eligible: tuple[tuple[int, int], ...],
) -> None:
    """0 comes and looks at one card, the first of theirs; the last of them likes 0 already."""
    crowd = crowd_of(4, visits=[1.0, 0.0, 0.0, 0.0])
    town = town_of(crowd, told=np.full((4, 4), SURE), eligible=eligible)
    sender = eligible[-1][1]
    before = Swiped(np.array([sender]), np.array([0]), np.ones(1, bool), np.full(1, np.nan))
    app = FastApp(town.pools, crowd, First(), [(-1, before)])
    day = next(live_days(app, town.choices, 1))
    assert day.matches.tolist() == [[0, sender]]
    assert day.swiped.candidate.tolist() == [other for _, other in eligible]
