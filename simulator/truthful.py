"""Two references that know the truth: what the best decks make of a market, with the same step.

The oracle knows every pair's probability. The ceiling knows what could be learned of it: people's
effects, their true factors and tastes in photos, but not what belongs to a pair alone.
"""

import numpy as np
import numpy.typing as npt

from features.prices import Prices
from features.score import log_sigmoid
from simulator.days import Day
from simulator.policies import Order, best
from simulator.pools import Pools
from simulator.tastes import Market

Floats32 = npt.NDArray[np.float32]
Ints32 = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]

_CHUNK = 2_000_000


class Truthful:
    """Implements simulator.policies.Policy by the truth."""

    def __init__(self, market: Market, pools: Pools, *, whole: bool, seed: int) -> None:
        """`whole`: pairs' own part too."""
        self._pools = pools
        there = logits_of_pairs(market, pools, whole=whole)
        self._back = there[pools.reverse()]
        self._log_match = log_sigmoid(there) + log_sigmoid(self._back)
        self._prices = Prices.free(len(pools))

    def open_day(self, day: int, present: Bools) -> None:
        """Nothing changes."""

    def order(self, viewer: int, candidates: Ints32, size: int) -> Order:
        """The most matches, less the prices."""
        of_viewer = self._pools.of_viewer(viewer)
        at = of_viewer.start + np.searchsorted(self._pools.candidate[of_viewer], candidates)
        prices = self._prices.take(candidates).at(self._back[at])
        return best(self._log_match[at] - prices, size)

    def learn(self, day: Day) -> None:
        """It knows."""


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
