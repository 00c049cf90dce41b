"""What a platform knows of how often people come, and for how long: counts of the days so far."""

from typing import Final

import numpy as np
import numpy.typing as npt

from simulator.days import Day
from training.market.week import Week

_PRIOR_DAYS: Final = 3.0
_USUAL: Final = (0.35, 4.0)
"""Visits and cards a day of somebody of whom nothing is known."""

_DAYS: Final = 7

Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Attendance:
    """Of n people."""

    def __init__(self, people: int) -> None:
        self._days = np.zeros(people)
        self._visits = np.zeros(people)
        self._cards = np.zeros(people)

    def begin(self, present: Bools) -> None:
        """A day begins, on which these (n,) are there."""
        self._days += present

    def learn(self, day: Day) -> None:
        """Who came, and how many cards they looked at."""
        self._visits[day.visits.person] += 1.0
        self._cards += np.bincount(day.cards.viewer[day.seen], minlength=len(self._cards))

    def week(self, present: Bools, waiting: Ints) -> Week:
        """What is to be expected of a week, of who is there (n,) and for whom so many likes wait
        (n,)."""
        cards = _DAYS * self._a_day(self._cards, _USUAL[1])
        return Week(
            cards=np.where(present, cards, np.float32(0.0)),
            visits=_DAYS * self._a_day(self._visits, _USUAL[0]),
            waiting=waiting,
        )

    def _a_day(self, counts: npt.NDArray[np.float64], usual: float) -> Floats32:
        smoothed = (counts + _PRIOR_DAYS * usual) / (self._days + _PRIOR_DAYS)
        return np.asarray(smoothed, np.float32)
