"""Policies that decks of a simulated market may follow: what all have in common, and plain ones.

A policy sees what a platform sees: who is there, who was shown whom, who swiped what. Only those of
simulator.truthful know better.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from simulator.crowd import Crowd
from simulator.days import Day
from training.datasets import Swipes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Ints32 = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """The top of a deck: places (k,) in the list of candidates, and the propensity (k,) of each,
    NaN where the policy has none."""

    places: Ints
    propensity: Floats


class Policy(Protocol):
    """How decks are made."""

    def open_day(self, day: int, present: Bools) -> None:
        """A day begins, on which those of `present` (n,) are there."""

    def order(self, viewer: int, candidates: Ints32, size: int) -> Order:
        """The deck of a viewer: at most `size` of the candidates (m,), rows, best first."""

    def learn(self, day: Day) -> None:
        """What happened on the day."""


def best(score: npt.NDArray[np.floating], size: int) -> Order:
    """The `size` highest of scores (m,), highest first."""
    if size < len(score):
        top = np.argpartition(-score, size - 1)[:size]
        places = top[np.argsort(-score[top], kind="stable")]
    else:
        places = np.argsort(-score, kind="stable")
    return Order(places.astype(np.int64), np.full(len(places), np.nan))


class Random:
    """Anybody, in any order."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng([seed, 31])

    def open_day(self, day: int, present: Bools) -> None:
        """Nothing changes."""

    def order(self, viewer: int, candidates: Ints32, size: int) -> Order:
        """A random deck, whose cards all had the same chance."""
        m = len(candidates)
        places = self._random.permutation(m)[:size]
        return Order(places, 1.0 / (m - np.arange(len(places))))

    def learn(self, day: Day) -> None:
        """Nothing."""


class Popularity:
    """First who is liked by most of those who see them."""

    _SMOOTHED_BY = 10.0

    def __init__(self, history: Swipes, people: int) -> None:
        self._likes = np.bincount(history.candidate, history.liked, people)
        self._cards = np.bincount(history.candidate, minlength=people)
        self._share = self._shares()

    def open_day(self, day: int, present: Bools) -> None:
        """Count again."""
        self._share = self._shares()

    def order(self, viewer: int, candidates: Ints32, size: int) -> Order:
        """The best liked."""
        return best(self._share[candidates], size)

    def learn(self, day: Day) -> None:
        """Likes and cards of the day."""
        candidate, n = day.swiped.candidate, len(self._likes)
        self._likes += np.bincount(candidate, day.swiped.liked, n)
        self._cards += np.bincount(candidate, minlength=n)

    def _shares(self) -> Floats:
        mean = self._likes.sum() / max(1.0, float(self._cards.sum()))
        before = self._SMOOTHED_BY
        return np.asarray((self._likes + before * mean) / (self._cards + before), np.float64)


class Newest:
    """First who joined last. Who was there from the start comes in a fixed random order."""

    def __init__(self, crowd: Crowd, seed: int) -> None:
        random = np.random.default_rng([seed, 32])
        self._joined = crowd.arrives + random.random(len(crowd))

    def open_day(self, day: int, present: Bools) -> None:
        """Nothing changes."""

    def order(self, viewer: int, candidates: Ints32, size: int) -> Order:
        """The newest."""
        return best(self._joined[candidates], size)

    def learn(self, day: Day) -> None:
        """Nothing."""
