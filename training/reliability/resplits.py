"""Calibrations on real ratings: every rating is held out once, by pairs."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from training.calibration import counts_of
from training.coordinates import own_coordinates
from training.datasets import Swipes
from training.factors import Factors, FactorSettings, find_basis, fit_factors
from training.fitting import Learned
from training.rated_swipes import as_swipes, folds, people_without_profiles
from training.rates import LiveRates, count, live_rates
from training.reciprocal.ratings import Ratings
from training.reliability.held_out import HeldOut, held_out
from training.snapshot import People
from training.standing import fit_standing


def held_out_folds(ratings: Ratings, parts: int, seed: int) -> Iterator[HeldOut]:
    """Predictions for each fold, learned from the others: the factors and rates from all but one of
    them, the calibration from that one, and then the factors and rates again from them all."""
    rng = np.random.default_rng(seed)
    fold = folds(ratings, parts, rng)
    people = people_without_profiles(ratings.people)
    for number in range(parts):
        beside = (number + 1) % parts
        learned = as_swipes(ratings, (fold != number) & (fold != beside), rng)
        pairs = as_swipes(ratings, fold == beside, rng)
        everything = as_swipes(ratings, fold != number, rng)
        before = _learn(learned, people, rng)
        after = _learn(everything, people, rng, before)
        asked = after.at(as_swipes(ratings, fold == number, rng))
        yield held_out(people, before.at(pairs), asked, after.level)


@dataclass(frozen=True, slots=True, eq=False)
class _Model:
    level: float
    rates: LiveRates
    factors: Factors

    def at(self, pairs: Swipes) -> Learned:
        return Learned(self.factors, self.rates, pairs, counts_of(self.rates.counts, pairs))


def _learn(
    swipes: Swipes, people: People, rng: np.random.Generator, before: _Model | None = None
) -> _Model:
    own, how = own_coordinates(people, swipes), FactorSettings()
    standing = fit_standing(swipes, own.all)
    rates = live_rates(standing, count(swipes, len(people)))
    if before is None:
        basis, start = find_basis(swipes, people, own, standing, rates, how, rng), None
    else:
        basis, start = before.factors.basis, before.factors.latent
    factors = fit_factors(swipes, people, standing, rates, basis, how, rng, start)
    return _Model(standing.level, rates, factors)
