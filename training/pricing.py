"""The prices of a release: found for the model that is released, by how its people swipe."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from features.manifest import Pricing
from training.datasets import Datasets
from training.fitting import Fitted
from training.market.people import price_people

Floats = npt.NDArray[np.float32]

_PRIOR_WEEKS: Final = 0.5
"""Weeks that what is usual weighs in how often somebody comes."""
_TAU: Final = 0.1
"""The release's own is chosen by scores that have prices in them; by tens of thousands of people it
comes out near this (docs/decisions/0042)."""


def with_prices(datasets: Datasets, fitted: Fitted, seed: int) -> Fitted:
    """The same with everybody's prices, as a release keeps them; to follow `with_ranker`."""
    week = _week(datasets)
    prices = price_people(
        datasets.people,
        fitted.final.sides(),
        fitted.ranker,
        week.cards,
        week.visits * datasets.people.exposure,
        fitted.settings.price_strength,
        datasets.today,
        _TAU,
        np.random.default_rng(seed),
    )
    return replace(fitted, prices=prices.rounded())


def pricing_of(datasets: Datasets, strength: float) -> Pricing:
    """What `with_prices` goes by, for the manifest."""
    week = _week(datasets)
    return Pricing(
        strength=strength,
        cards_a_week=float(week.cards.mean()),
        visits_a_week=float(week.visits.mean()),
        exposure=float(datasets.people.exposure.mean()),
        tau=_TAU,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Week:
    """Of n people: cards (n,) that each swipes in a week, and on how many days of it, visits (n,),
    more than 0."""

    cards: Floats
    visits: Floats


def _week(datasets: Datasets) -> _Week:
    """By the swipes of the window. Somebody who was hardly there yet may be as anybody."""
    split, n, swipes = datasets.split, len(datasets.people), datasets.swipes
    weeks = (split.end - split.start) / 7.0
    cards = np.bincount(swipes.viewer, minlength=n)
    days = np.bincount(np.unique(swipes.viewer * split.end + swipes.day) // split.end, minlength=n)
    usual = days.sum() / max(1, n) / weeks
    visits = (days + usual * _PRIOR_WEEKS) / (weeks + _PRIOR_WEEKS)
    return _Week((cards / weeks).astype(np.float32), np.maximum(visits, 1e-2).astype(np.float32))
