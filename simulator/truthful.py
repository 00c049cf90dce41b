"""References that know the truth: what the best decks make of a market, with the same step.

The oracle knows every pair's probability. The ceiling knows what could be learned of it: people's
effects, their true factors and tastes in photos, but not what belongs to a pair alone. The learner
knows the form of the market only, and of people what swipes tell (simulator.belief).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.prices import Prices
from features.score import log_sigmoid
from simulator.attendance import Attendance
from simulator.belief import Beliefs
from simulator.days import Day, Past
from simulator.policies import Order, best
from simulator.pools import Pools
from simulator.pricing import best_of, find_prices
from simulator.tastes import CHEMISTRIES, Market, sigmoid
from simulator.waiting import Waiting
from training.market.prices import Shape
from training.market.served import shape_of

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints32 = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_CHUNK: Final = 2_000_000
_MOST: Final = np.float32(-1e-6)
"""The log of a probability that is all but 1."""


class Truthful:
    """Implements simulator.policies.Policy by the truth, or by what is believed of it."""

    def __init__(
        self,
        market: Market | Beliefs,
        pools: Pools,
        bots: Bools,
        past: Past,
        seed: int,
        *,
        whole: bool = False,
        shape: Shape | None = None,
    ) -> None:
        """`market`: beliefs are renewed every morning; `bots` (n,): nobody for them; `past`: what
        was swiped before the first day; `whole`: it knows pairs' own part too, of the truth;
        `shape` of its prices, which is a release's if nothing is said."""
        self._pools, self._random = pools, np.random.default_rng([seed, 34])
        self._person = ~bots
        self._beliefs = market if isinstance(market, Beliefs) else None
        if isinstance(market, Market):
            self._know(likes_of_pairs(market, pools, whole=whole))
        self._open = self._person[pools.candidate]
        for _, swiped in past:
            self._open[pools.at(swiped.viewer, swiped.candidate)] = False
        self._present = np.ones(len(pools), bool)
        self._attendance = Attendance(len(pools))
        self._waiting = Waiting(len(pools), past)
        self._prices = Prices.free(len(pools))
        self._shape = shape or shape_of(1.0)

    def open_day(self, day: int, present: Bools) -> None:
        """New beliefs, and new prices."""
        if self._beliefs is not None:
            self._know(likes_of_pairs(self._beliefs.market(), self._pools, whole=False))
        self._present = present
        self._attendance.begin(present)
        waiting = self._waiting.count(present & self._person)
        week = self._attendance.week(present, waiting)
        self._prices = find_prices(self._lists, week, self._shape, self._random)

    def order(self, viewer: int, candidates: Ints32, size: int) -> Order:
        """The most matches, less the prices; who waits for an answer costs nothing."""
        of_viewer = self._pools.of_viewer(viewer)
        at = of_viewer.start + np.searchsorted(self._pools.candidate[of_viewer], candidates)
        prices = self._prices.take(candidates).at(self._back[at])
        waits = self._waiting.among(viewer, candidates)
        score = np.where(waits, self._log_answer[at], self._log_match[at] - prices)
        possible = self._person[candidates] & ~self._waiting.passed(viewer, candidates)
        return best(np.where(possible, score, -np.inf), size)

    def learn(self, day: Day) -> None:
        """Who came, and who was swiped."""
        if self._beliefs is not None:
            self._beliefs.learn(day)
        self._attendance.learn(day)
        self._waiting.learn(day.swiped)
        self._open[self._pools.at(day.swiped.viewer, day.swiped.candidate)] = False

    def _know(self, likes: "PairLikes") -> None:
        self._log_p, self._log_match = likes.log_p, likes.log_match
        self._log_answer = likes.log_match - likes.log_p[self._pools.reverse()]
        self._back = likes.back()

    def _lists(self, viewers: Ints, mean: Floats32) -> Iterator[tuple[Ints, Floats32, Floats32]]:
        for viewer in viewers.tolist():
            of_viewer = self._pools.of_viewer(viewer)
            candidates = self._pools.candidate[of_viewer]
            possible = self._open[of_viewer] & self._present[candidates]
            possible &= ~self._waiting.passed(viewer, candidates)
            left = np.flatnonzero(possible & ~self._waiting.among(viewer, candidates))
            places = left[best_of(self._log_match[of_viewer][left] - mean[candidates[left]])]
            at = of_viewer.start + places
            yield candidates[places].astype(np.int64), self._log_p[at], self._back[at]


@dataclass(frozen=True, slots=True, eq=False)
class PairLikes:
    """Logs (m,) of P(viewer likes candidate) and of P(both like each other) of all pairs."""

    log_p: Floats32
    log_match: Floats32

    def back(self) -> Floats32:
        """Logits (m,) of P(candidate likes viewer, who likes them)."""
        log_q = np.minimum(self.log_match - self.log_p, _MOST)
        return np.asarray(log_q - np.log(-np.expm1(log_q)), np.float32)


def likes_of_pairs(market: Market, pools: Pools, *, whole: bool) -> PairLikes:
    """By a market; not `whole`: over all that may belong to a pair alone, which is the same both
    ways."""
    n, m = len(pools), len(pools.candidate)
    of = market.logits if whole else market.learnable
    there = np.empty(m, np.float32)
    for chunk in _chunks(m):
        there[chunk] = of(pools.key[chunk] // n, pools.candidate[chunk].astype(np.int64))
    reverse = pools.reverse()
    if whole:
        log_p = log_sigmoid(there)
        return PairLikes(log_p, log_p + log_p[reverse])
    log_p, log_match = np.empty(m, np.float32), np.empty(m, np.float32)
    for chunk in _chunks(m):
        log_p[chunk], log_match[chunk] = _averaged(
            there[chunk].astype(np.float64), there[reverse[chunk]].astype(np.float64)
        )
    return PairLikes(log_p, log_match)


def _averaged(there: Floats, back: Floats) -> tuple[Floats, Floats]:
    """Logs (m,) of both over chemistries, from logits (m,) without one."""
    one, both = np.zeros(len(there)), np.zeros(len(there))
    for chemistry, weight in CHEMISTRIES:
        p = sigmoid(there + chemistry)
        one += weight * p
        both += weight * p * sigmoid(back + chemistry)
    return np.log(one), np.log(both)


def _chunks(m: int) -> Iterator[slice]:
    return (slice(start, start + _CHUNK) for start in range(0, m, _CHUNK))
