"""The prices of a release: found for the model that is released, by how its people swipe."""

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from features.manifest import Pricing
from training.datasets import Datasets
from training.fitting import Fitted
from training.market.people import price_people

Floats = npt.NDArray[np.float32]

_TAU: Final = 0.1
"""The release's own is chosen by scores that have prices in them; by tens of thousands of people it
comes out near this (docs/decisions/0042)."""


def with_prices(datasets: Datasets, fitted: Fitted, seed: int) -> Fitted:
    """The same with everybody's prices, as a release keeps them; to follow `with_ranker`."""
    prices = price_people(
        datasets.people,
        fitted.final.sides(),
        fitted.ranker,
        cards_a_day(datasets),
        datasets.people.exposure,
        fitted.settings.price_strength,
        datasets.today,
        _TAU,
        np.random.default_rng(seed),
    )
    return replace(fitted, prices=prices.rounded())


def pricing_of(datasets: Datasets, strength: float) -> Pricing:
    """What `with_prices` goes by, for the manifest."""
    return Pricing(
        strength=strength,
        cards_a_day=float(cards_a_day(datasets).mean()),
        exposure=float(datasets.people.exposure.mean()),
        tau=_TAU,
    )


def cards_a_day(datasets: Datasets) -> Floats:
    """How many cards each of n people swiped in a day of the window, (n,)."""
    split, n = datasets.split, len(datasets.people)
    swiped = np.bincount(datasets.swipes.viewer, minlength=n)
    return (swiped / (split.end - split.start)).astype(np.float32)
