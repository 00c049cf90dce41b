"""The best policy of a market whose employers read applicants by position.

First Frank-Wolfe (Jaggi, ICML 2013) from rankings at random: each step ranks by what one more
exposure adds, the pair's own marginal congestion cost taken off, and is averaged in by 2 / (t + 2).
Where all agree everybody would jump from job to job, and the average spreads them. Expected matches
are linear in one candidate's exposures while the others' stay, so after that each in turn gets the
best ranking for all: it never loses, and ends where no change of one list helps.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from training.market.rankings import even, ranked
from training.market.su import Applications

Floats = npt.NDArray[np.float64]

_STEPS: Final = 200
_ROUNDS: Final = 5
_NODES: Final = 10
"""Enough for the gain of a step; what is reported is integrated to machine precision."""
_LEAST_GAIN: Final = 1e-6


def best_exposures(market: Applications) -> Floats:
    """Exposures (c, j) with the most expected matches that it finds."""
    exposures = _mixture(market, _STEPS)
    before = market.matches(exposures)
    for _ in range(_ROUNDS):
        exposures = _each_in_turn(market, exposures)
        now = market.matches(exposures)
        if now - before < _LEAST_GAIN:
            break
        before = now
    return exposures


def _mixture(market: Applications, steps: int) -> Floats:
    exposures = even(*market.f.shape)
    for step in range(steps):
        share = 2.0 / (step + 2.0)
        best = ranked(market.gains(exposures, _NODES).each)
        exposures = (1.0 - share) * exposures + share * best
    return exposures


def _each_in_turn(market: Applications, exposures: Floats) -> Floats:
    settled = exposures.copy()
    for candidate in range(len(settled)):
        gain = market.gains(settled, _NODES).each[candidate]
        settled[candidate] = ranked(gain[None])[0]
    return settled
