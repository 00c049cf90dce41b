"""A day: who matches, also by likes that came before the first."""

import numpy as np
import pytest

from simulator.crowd import Visits
from simulator.days import Cards, live_days
from simulator.fast import LIKE_DAYS, FastApp
from tests.simulator.towns import First, crowd_of, swiped_of, town_of

SURE = 50.0


@pytest.mark.parametrize("eligible", [((0, 1),), ((0, 1), (0, 2)), ((0, 2), (0, 3))])
def test_a_like_from_before_the_first_day_is_met_by_a_card_or_an_answer(
    eligible: tuple[tuple[int, int], ...],
) -> None:
    """0 comes and looks at one card, the first of theirs; the last of them likes 0 already."""
    crowd = crowd_of(4, visits=[1.0, 0.0, 0.0, 0.0])
    town = town_of(crowd, told=np.full((4, 4), SURE), eligible=eligible)
    sender = eligible[-1][1]
    app = FastApp(town.pools, crowd, First(), [(-1, swiped_of((sender, 0, True)))])
    day = next(live_days(app, town.choices, 1))
    assert day.matches.tolist() == [[0, sender]]
    assert day.swiped.candidate.tolist() == [other for _, other in eligible]


@pytest.mark.parametrize(("sent", "answered"), [(-LIKE_DAYS + 1, True), (-LIKE_DAYS, False)])
def test_an_old_like_is_found_no_more_but_met_all_the_same(sent: int, answered: bool) -> None:
    """1 and 2 like 0 from before; 0 comes and looks at one card, which is 1's."""
    crowd = crowd_of(3, visits=[1.0, 0.0, 0.0])
    town = town_of(crowd, told=np.full((3, 3), SURE), eligible=((0, 1), (0, 2)))
    past = [(sent, swiped_of((1, 0, True), (2, 0, True)))]
    day = next(live_days(FastApp(town.pools, crowd, First(), past), town.choices, 1))
    assert day.matches.tolist() == ([[0, 1], [0, 2]] if answered else [[0, 1]])


def test_a_like_of_somebody_who_does_not_play_is_met_when_it_is_answered() -> None:
    """On a running platform others swipe, too: 1 likes 0 on the second day, by their own phone."""
    crowd = crowd_of(2, visits=[1.0, 0.0])
    town = town_of(crowd, told=np.full((2, 2), SURE), eligible=((0, 1),))

    class Busy(FastApp):
        def decks(self, day: int, visits: Visits) -> Cards:
            if day == 1:
                self.swipe(day, swiped_of((1, 0, True)))
            cards = super().decks(day, visits)
            return cards.take(np.zeros(len(cards.viewer), bool))

    first, second = live_days(Busy(town.pools, crowd, First()), town.choices, 2)
    assert not len(first.matches)
    assert second.matches.tolist() == [[0, 1]]
