"""The best policies of a market in which both sides get lists.

Social welfare is the number of expected matches; Nash's is the product of everybody's, whose
maximum leaves (almost) no envy: what somebody gains counts by what they have. Both are maximised as
Tomita and Yokoyama (RecSys 2024) do, by Frank-Wolfe on one side after the other. But the linear
programme of a step, over doubly stochastic matrices, is solved by sorting, and steps shrink as
2 / (t + 2), so that it converges.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from training.market.rankings import even, ranked
from training.market.tomita_yokoyama import MutualMarket

Floats = npt.NDArray[np.float64]

_STEPS: Final = 1000
_LEAST: Final = 1e-4
_STARTS: Final = 64
_ROUNDING: Final = 1e-12

Weigh = Callable[[Floats], Floats]
"""What one more match of each person is worth (n,), of their expected matches (n,)."""


@dataclass(frozen=True, slots=True, eq=False)
class Policies:
    """Exposures of the right to the left (l, r), and of the left to the right (r, l)."""

    left: Floats
    right: Floats


def social(matches: Floats) -> Floats:
    """Every match is worth the same."""
    return np.ones_like(matches)


def nash(matches: Floats) -> Floats:
    """The derivative of the sum of logarithms."""
    return np.asarray(1.0 / np.maximum(matches, _LEAST), np.float64)


def most_matches(market: MutualMarket, rng: np.random.Generator) -> Policies:
    """The policies with the most expected matches that are found.

    Matches are linear in either side's policy but not in both: so there are lesser maxima, and each
    side ends with one ranking for everybody. From the middle Frank-Wolfe ends high in large markets
    (docs/decisions/0057); in small ones random rankings, each side taking its best in turn, may end
    higher.
    """
    both = market.both
    tried = [best_policies(market, social)]
    tried += [Policies(ranked(rng.random(both.shape)), even(*both.T.shape)) for _ in range(_STARTS)]
    ends = [_in_turn(market, each) for each in tried]
    return max(ends, key=lambda found: market.matches(found.left, found.right))


def best_policies(market: MutualMarket, weigh: Weigh, steps: int = _STEPS) -> Policies:
    """Policies at a stationary point of the welfare, from rankings at random."""
    both = market.both
    left, right = even(*both.shape), even(*both.T.shape)
    for step in range(steps):
        share = 2.0 / (step + 2.0)
        right = (1.0 - share) * right + share * ranked(_gain(both, left, right, weigh))
        left = (1.0 - share) * left + share * ranked(_gain(both.T, right, left, weigh))
    return Policies(left, right)


def _in_turn(market: MutualMarket, start: Policies) -> Policies:
    """Each side's best beside the other's policy, until nothing changes. It never loses."""
    both, found = market.both, start
    before = -1.0
    while (now := market.matches(found.left, found.right)) > before + _ROUNDING:
        before = now
        right = ranked((both * found.left).T)
        found = Policies(ranked(both * right.T), right)
    return found


def _gain(both: Floats, shown: Floats, lists: Floats, weigh: Weigh) -> Floats:
    """What welfare gains (r, l) of more exposure on the `lists` (r, l) whose policy is to change.

    Those on them (l) gain: it is they who envy each other their places.
    """
    examined = both * shown
    of_each = np.sum(examined * lists.T, axis=1)
    return np.asarray(examined.T * weigh(of_each), np.float64)
