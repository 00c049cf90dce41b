"""Two references that know the truth: what the best decks make of a market, with the same step.

The oracle knows every pair's probability. The ceiling knows what could be learned of it: people's
effects, their true factors and tastes in photos, but not what belongs to a pair alone.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from features.prices import Prices
from features.score import log_sigmoid
from simulator.attendance import Attendance
from simulator.days import Day
from simulator.policies import Order, best
from simulator.pools import Pools
from simulator.pricing import SHARP, find_prices, shortlist
from simulator.tastes import Market

Floats32 = npt.NDArray[np.float32]
Ints32 = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_CHUNK: Final = 2_000_000


class Truthful:
    """Implements simulator.policies.Policy by the truth."""

    def __init__(
        self,
        market: Market,
        pools: Pools,
        swiped: Ints,
        seed: int,
        *,
        whole: bool,
        priced: bool = True,
    ) -> None:
        """`swiped` (k,): places of pairs swiped before the first day; `whole`: it knows pairs' own
        part too; `priced`: it takes prices off."""
        self._pools, self._random = pools, np.random.default_rng([seed, 34])
        there = logits_of_pairs(market, pools, whole=whole)
        self._back = there[pools.reverse()]
        self._log_p = log_sigmoid(there)
        self._log_match = self._log_p + log_sigmoid(self._back)
        self._open = np.ones(len(there), bool)
        self._open[swiped] = False
        self._present = np.ones(len(pools), bool)
        self._attendance = Attendance(len(pools))
        self._prices = Prices.free(len(pools))
        self._priced = priced

    def open_day(self, day: int, present: Bools) -> None:
        """New prices."""
        self._present = present
        self._attendance.begin(present)
        if self._priced:
            self._prices = find_prices(
                self._lists, self._prices, self._attendance, present, SHARP, self._random
            )

    def order(self, viewer: int, candidates: Ints32, size: int) -> Order:
        """The most matches, less the prices."""
        of_viewer = self._pools.of_viewer(viewer)
        at = of_viewer.start + np.searchsorted(self._pools.candidate[of_viewer], candidates)
        prices = self._prices.take(candidates).at(self._back[at])
        return best(self._log_match[at] - prices, size)

    def learn(self, day: Day) -> None:
        """Who came, and who was swiped: it knows the rest."""
        self._attendance.learn(day)
        self._open[self._pools.at(day.swiped.viewer, day.swiped.candidate)] = False

    def _lists(self, viewer: int, mean: Floats32) -> tuple[Ints, Floats32, Floats32]:
        of_viewer = self._pools.of_viewer(viewer)
        candidates = self._pools.candidate[of_viewer]
        left = np.flatnonzero(self._open[of_viewer] & self._present[candidates])
        free = self._log_match[of_viewer][left]
        places = left[shortlist(free, mean[candidates[left]])]
        at = of_viewer.start + places
        return candidates[places].astype(np.int64), self._log_p[at], self._back[at]


def logits_of_pairs(market: Market, pools: Pools, *, whole: bool) -> Floats32:
    """P(viewer likes candidate) of all pairs (m,) as logits; not `whole`: averaged over what
    belongs to the pair alone."""
    logits = np.empty(len(pools.candidate), np.float32)
    for start in range(0, len(logits), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        viewer, candidate = np.divmod(pools.key[chunk], len(pools))
        of = market.logits if whole else market.learnable
        logits[chunk] = of(viewer, candidate)
    return logits
