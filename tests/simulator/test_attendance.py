"""What a week is expected to be: counts of the days so far, beside what is usual."""

import numpy as np
import pytest

from simulator.attendance import Attendance
from simulator.crowd import Visits
from simulator.days import Cards, Day, Swiped


def day_of(person: list[int], cards: list[int]) -> Day:
    """These come, and look at so many cards of decks of 10."""
    came = np.array(person, np.int64)
    viewer, place = np.repeat(came, 10), np.tile(np.arange(10), len(came))
    dealt = Cards(viewer, np.full(len(viewer), 3), place, np.full(len(viewer), np.nan))
    nothing = np.zeros(0, np.int64)
    return Day(
        number=0,
        visits=Visits(came, np.array(cards)),
        cards=dealt,
        seen=place < np.repeat(cards, 10),
        swiped=Swiped(nothing, nothing, nothing.astype(bool), nothing.astype(float)),
        matches=np.zeros((0, 2), np.int64),
    )


def test_three_days_are_as_usual_and_the_rest_as_it_was() -> None:
    attendance = Attendance(4)
    here = np.array([True, True, False, True])
    attendance.begin(here)
    attendance.learn(day_of([0, 1], [9, 2]))
    attendance.begin(here)
    attendance.learn(day_of([0], [4]))
    week = attendance.week(here, np.array([0, 7, 0, 1]))
    # Two days and three at .35 visits and 4 cards; nobody knows anything of who was not there yet.
    assert week.visits == pytest.approx(7 * np.array([3.05 / 5, 2.05 / 5, 1.05 / 3, 1.05 / 5]))
    assert week.cards == pytest.approx(7 * np.array([25 / 5, 14 / 5, 0.0, 12 / 5]))
    assert week.exposures() == pytest.approx([35.0, 12.6, 0.0, 15.8])


def test_of_whom_nothing_is_known_the_usual_is_expected() -> None:
    week = Attendance(2).week(np.ones(2, bool), np.zeros(2, np.int64))
    assert week.visits == pytest.approx([2.45, 2.45])
    assert week.cards == pytest.approx([28.0, 28.0])
