"""Prices of everybody in a release, from their factors: without the matrix of all pairs."""

from typing import Final

import numpy as np
import numpy.typing as npt

from features.prices import Prices
from features.ranker import Network
from features.score import Sides
from training.market.neighbourhoods import Neighbourhoods
from training.market.prices import Serving, solve
from training.market.reading import attentions
from training.market.served import STEPS, shape_of
from training.market.settled import Settled
from training.market.shortlists import Shortlists, day_by_day
from training.market.week import Week
from training.snapshot import People

Floats = npt.NDArray[np.float32]

_SHARE: Final = 8
_VIEWERS: Final = (8_192, 80_000)
"""One viewer in so many is asked for everybody, but at least and at most so many viewers."""
_LENGTH: Final = 96
"""Candidates that each round brings into question for a viewer."""


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
    prices = Prices.free(n)
    reading = attentions(week.visits, people.exposure, strength)
    if strength == 0.0 or n == 0:
        return prices
    looked = week.exposures()
    serving, shape = Serving(day_by_day, tau), shape_of(people.exposure / np.float64(strength))
    asked = int(np.clip(n // _SHARE, *_VIEWERS))
    near = Neighbourhoods.of(people, settled, looked, asked, today, rng)
    lists: list[Shortlists] = []
    for steps in STEPS:
        found = list(near.shortlists(sides, ranker, prices.mean(), looked, _LENGTH))
        # Whoever was crowded stays in question, or crowds would only go from some to others.
        lists = [a.with_more(b) for a, b in zip(lists, found, strict=True)] if lists else found
        prices = solve(lists, reading, serving, rng, steps, shape)
    return prices
