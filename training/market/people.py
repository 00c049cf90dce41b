"""Prices of everybody in a release, from their factors: without the matrix of all pairs."""

from typing import Final

import numpy as np
import numpy.typing as npt

from features.prices import Prices
from features.ranker import Network
from features.score import Sides
from training.market.neighbourhoods import Neighbourhoods
from training.market.reading import attentions
from training.market.served import LENGTH, by_rounds, shape_of
from training.market.settled import Settled
from training.market.shortlists import Shortlists
from training.market.week import Week
from training.snapshot import People

Floats = npt.NDArray[np.float32]

_SHARE: Final = 8
_VIEWERS: Final = (8_192, 80_000)
"""One viewer in so many is asked for everybody, but at least and at most so many viewers."""


def price_people(
    people: People,
    settled: Settled,
    sides: Sides,
    ranker: Network,
    week: Week,
    strength: float,
    today: int,
    tau: float,
    rng: np.random.Generator,
) -> Prices:
    """Prices (n,) of n people in table order, whose `sides` have their lines; pairs that are
    `settled` come into nobody's question any more.

    week: of these n people; nobody is shown twice, so its cards are how far down one gets;
    strength >= 0: the operator's dial, 0 prices nobody, beside everybody's own (`People.exposure`);
    tau of the exposure draw. Raises `training.market.reading.NotADial`.
    """
    n = len(people)
    reading = attentions(week.visits, people.exposure, strength)
    if strength == 0.0 or n == 0:
        return Prices.free(n)
    looked, shape = week.exposures(), shape_of(people.exposure / np.float64(strength))
    asked = int(np.clip(n // _SHARE, *_VIEWERS))
    near = Neighbourhoods.of(people, settled, looked, asked, today, rng)

    def find(mean_price: Floats) -> list[Shortlists]:
        return list(near.shortlists(sides, ranker, mean_price, looked, LENGTH))

    return by_rounds(find, reading, tau, rng, shape)
