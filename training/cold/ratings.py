"""Real people who joined after training: LibímSeTi, where ratings are many and profiles none."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from training.calibration import calibrate, counts_of
from training.cold.newcomers import Cards
from training.coordinates import own_coordinates
from training.datasets import Swipes
from training.factors import FactorSettings, find_basis, fit_factors, fold_in_parameters
from training.fitting import Learned
from training.model import Model, model_of
from training.rated_swipes import as_swipes, people_without_profiles
from training.rates import count, live_rates
from training.reciprocal.ratings import Ratings
from training.snapshot import People
from training.standing import fit_standing

Ints = npt.NDArray[np.int64]

HISTORY: Final = 20
ASKED: Final = 10
_CALIBRATED: Final = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class RatedNewcomers:
    """A model of the others, and cards of people whom it has not seen: those who gave enough, and
    those who received enough; HISTORY and ASKED each."""

    model: Model
    given: Cards
    received: Cards


def rated_newcomers(ratings: Ratings, folds: int, seed: int) -> Iterator[RatedNewcomers]:
    """Everybody is new in one of the folds."""
    rng = np.random.default_rng(seed)
    people = people_without_profiles(ratings.people)
    fold = rng.permutation(ratings.people) % folds
    for number in range(folds):
        new = fold == number
        by_new, of_new = new[ratings.rater], new[ratings.rated]
        known = as_swipes(ratings, ~by_new & ~of_new, rng)
        given, received = (
            as_swipes(ratings, by_new & ~of_new, rng),
            as_swipes(ratings, ~by_new & of_new, rng),
        )
        yield RatedNewcomers(
            model=_model(known, people, rng),
            given=_cards(given.viewer, given.candidate, given.liked),
            received=_cards(received.candidate, received.viewer, received.liked),
        )


def _model(swipes: Swipes, people: People, rng: np.random.Generator) -> Model:
    """The calibration from a part of the ratings, the rest of it again from all."""
    how = FactorSettings()
    cut = int(len(swipes) * (1.0 - _CALIBRATED))
    past, pairs = swipes.take(slice(0, cut)), swipes.take(slice(cut, None))
    own = own_coordinates(people, past)
    standing = fit_standing(past, own.all)
    rates = live_rates(standing, count(past, len(people)))
    basis = find_basis(past, people, own, standing, rates, how, rng)
    factors = fit_factors(past, people, standing, rates, basis, how, rng)
    learned = Learned(factors, rates, pairs, counts_of(rates.counts, pairs))
    calibrations = calibrate(learned.inputs(people), pairs.liked)
    standing = fit_standing(swipes, own.all)
    rates = live_rates(standing, count(swipes, len(people)))
    factors = fit_factors(swipes, people, standing, rates, basis, how, rng, factors.latent)
    return model_of(people, factors, rates, calibrations, fold_in_parameters(standing, how))


def _cards(person: Ints, other: Ints, liked: npt.NDArray[np.bool_]) -> Cards:
    """The first HISTORY + ASKED cards of everybody who has so many."""
    wanted = HISTORY + ASKED
    order = np.argsort(person, kind="stable")
    _, first, counts = np.unique(person[order], return_index=True, return_counts=True)
    rows = order[first[counts >= wanted][:, None] + np.arange(wanted)]
    return Cards(other[rows], liked[rows])
