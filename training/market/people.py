"""Prices of everybody in a release, from their factors: without the matrix of all pairs."""

from typing import Final

import numpy as np
import numpy.typing as npt

from features.prices import Prices
from features.ranker import Network
from features.score import Sides
from training.market.neighbourhoods import shortlists
from training.market.prices import Serving, solve
from training.market.reading import attentions
from training.market.shortlists import day_by_day
from training.snapshot import People

Floats = npt.NDArray[np.float32]

_ROUNDS: Final = (8, 16)
"""Turns after each retrieval. The first prices tell who else comes into question."""


def price_people(
    people: People,
    sides: Sides,
    ranker: Network,
    exposures: npt.ArrayLike,
    attention: npt.ArrayLike,
    strength: float,
    today: int,
    tau: float,
    rng: np.random.Generator,
) -> Prices:
    """Prices (n,) of n people in table order, whose `sides` have their lines.

    exposures (n,) >= 0: cards that each looks at in a day (swipes of the window per day);
    attention (n,) > 0: how much of their likes they read, times their own dial, 1 as usual;
    strength >= 0: the operator's dial, 0 prices nobody; tau of the exposure draw. Raises
    `training.market.reading.NotADial`.
    """
    n = len(people)
    prices = Prices.free(n)
    reading = attentions(attention, 1.0, strength)
    if strength == 0.0 or n == 0:
        return prices
    looked = np.broadcast_to(np.asarray(exposures, np.float32), n)
    serving = Serving(day_by_day, tau)
    for steps in _ROUNDS:
        batches = list(shortlists(people, sides, ranker, prices, looked, today, rng))
        prices = solve(batches, np.broadcast_to(reading, n), serving, rng, steps)
        del batches
    return prices
