"""What a platform knows of how often people come, and for how long: counts of the days so far."""

from typing import Final

import numpy as np
import numpy.typing as npt

from simulator.days import Day

_PRIOR_DAYS: Final = 3.0
_USUAL: Final = (0.35, 4.0)
"""Visits and cards a day of somebody of whom nothing is known."""

Floats32 = npt.NDArray[np.float32]
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

    def visits(self) -> Floats32:
        """A day (n,), above 0."""
        return self._a_day(self._visits, _USUAL[0])

    def cards(self) -> Floats32:
        """Looked at a day (n,), above 0."""
        return self._a_day(self._cards, _USUAL[1])

    def _a_day(self, counts: npt.NDArray[np.float64], usual: float) -> Floats32:
        smoothed = (counts + _PRIOR_DAYS * usual) / (self._days + _PRIOR_DAYS)
        return np.asarray(smoothed, np.float32)
