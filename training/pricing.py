"""The prices of a release: found for the model that is released, by how its people swipe."""

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from features.likers import selective
from features.manifest import Pricing
from features.score import Sides
from training.datasets import Datasets
from training.fitting import Fitted
from training.market.people import price_people
from training.market.served import TAU
from training.market.settled import Settled
from training.market.week import Week

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_PRIOR_WEEKS: Final = 0.5
"""Weeks that what is usual weighs in how often somebody comes."""


def with_prices(datasets: Datasets, fitted: Fitted, seed: int) -> Fitted:
    """The same with everybody's prices, as a release keeps them; to follow `with_ranker`. Whoever
    is withdrawn is in nobody's deck, and whom they like hears nothing of it."""
    sides, table = fitted.final.sides(), datasets.people.table.copy()
    table["visible"] &= ~datasets.withdrawn
    prices = price_people(
        replace(datasets.people, table=table),
        Settled.of(datasets.seen, sides),
        sides,
        fitted.ranker,
        week_of(datasets, sides),
        fitted.settings.price_strength,
        datasets.today,
        TAU,
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
        tau=TAU,
    )


def week_of(datasets: Datasets, sides: Sides) -> Week:
    """What is to be expected of a week of everybody (n,); likes of who likes nearly all do not
    count as waiting, and whoever is withdrawn looks at nobody who could tell."""
    senders = selective(sides) & ~datasets.withdrawn
    return replace(_week(datasets), waiting=_waiting(datasets, senders))


def _week(datasets: Datasets) -> Week:
    """By the swipes of the window, of who made none before it from their first on. Somebody who was
    hardly there yet may be as anybody."""
    split, n, swipes = datasets.split, len(datasets.people), datasets.swipes
    since = np.full(n, split.start)
    # In order of time: what is written last is the first.
    since[swipes.viewer[::-1]] = swipes.day[::-1]
    since[datasets.seen.viewer[datasets.seen.day < split.start]] = split.start
    weeks = np.maximum(split.end - since, 1) / 7.0
    cards = np.bincount(swipes.viewer, minlength=n)
    days = np.bincount(np.unique(swipes.viewer * split.end + swipes.day) // split.end, minlength=n)
    looked = np.where(datasets.withdrawn, np.float32(0.0), _a_week(cards, weeks))
    return Week(looked, np.maximum(_a_week(days, weeks), np.float32(1e-2)), np.zeros(n, int))


def _a_week(counts: Ints, weeks: npt.NDArray[np.float64]) -> Floats:
    usual = counts.sum() / max(1.0, weeks.sum())
    smoothed = (counts + usual * _PRIOR_WEEKS) / (weeks + _PRIOR_WEEKS)
    return np.asarray(smoothed, np.float32)


def _waiting(datasets: Datasets, senders: npt.NDArray[np.bool_]) -> Ints:
    """How many likes of these senders (n,) wait for an answer of each (n,)."""
    seen, n = datasets.seen, len(datasets.people)
    made = seen.liked & senders[seen.viewer]
    received = seen.candidate[made] * n + seen.viewer[made]
    answered = np.isin(received, seen.viewer * n + seen.candidate)
    return np.bincount(received[~answered] // n, minlength=n)
