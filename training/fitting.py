"""Factors, rates and calibration, fitted so that what is judged has seen nothing of its days."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.prices import Prices, require_strength
from features.ranker import Network, width_of
from features.score import Calibrations
from training.calibration import (
    Inputs,
    PairCounts,
    calibrate,
    counts_before,
    inputs_of,
    midnight_ms,
)
from training.coordinates import Own, own_coordinates
from training.datasets import Datasets, Swipes
from training.factors import (
    Factors,
    FactorSettings,
    find_basis,
    fit_factors,
    fold_in_parameters,
)
from training.model import Model, model_of
from training.rates import LiveRates, count, live_rates
from training.snapshot import People
from training.standing import fit_standing

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How much of what; the defaults are those of docs/decisions/0040. Raises StrengthRefused."""

    factors: FactorSettings = FactorSettings()  # noqa: RUF009  (frozen)
    most_calibration_pairs: int = 200_000
    evaluated_viewers: int = 3_000
    retrieval_viewers: int = 500
    exposure_viewers: int = 200
    price_strength: float = 1.0
    """The operator's dial: how strongly prices count, 0 not at all."""

    def __post_init__(self) -> None:
        require_strength(self.price_strength)


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """Factors and rates of one moment, and pairs after it with their counts of then."""

    factors: Factors
    rates: LiveRates
    pairs: Swipes
    counts: PairCounts

    def inputs(self, people: People) -> Inputs:
        """Of the pairs, for the calibration."""
        return inputs_of(people, self.pairs, self.counts, self.factors, self.rates)


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """`past` saw nothing of the calibration days, by which what comes after it is fitted; `held`
    nothing of the evaluation days and is judged; `final` saw all and is released. `learned` is what
    the calibration was learned from. The `ranker` corrects nothing, and `final` has no lines to be
    retrieved by, until `training.ranker.release.with_ranker` has made them; nobody has a
    price until `training.pricing.with_prices` has found it."""

    past: Model
    held: Model
    final: Model
    settings: TrainingSettings
    learned: Learned
    ranker: Network
    prices: Prices


def calibration_pairs(datasets: Datasets, settings: TrainingSettings, seed: int) -> Swipes:
    """A random sample of the calibration days' swipes, in order of time."""
    pairs = datasets.swipes.between(datasets.split.calibrate, datasets.split.evaluate)
    if len(pairs) <= settings.most_calibration_pairs:
        return pairs
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(pairs), settings.most_calibration_pairs, replace=False)
    return pairs.take(np.sort(chosen))


def pair_table(datasets: Datasets, pairs: Swipes) -> pa.Table:
    """Rows for the point-in-time join: ids, the midnight before each swipe, and the action."""
    ids = datasets.people.table["person_id"]
    midnight = pa.array(midnight_ms(pairs)).cast(pa.timestamp("ms", tz="UTC"))
    return pa.table(
        {
            "viewer": pa.array(ids[pairs.viewer]),
            "candidate": pa.array(ids[pairs.candidate]),
            "event_timestamp": midnight,
            "action": pa.array(pairs.action),
        }
    )


def fit_from_arrays(datasets: Datasets, settings: TrainingSettings, seed: int) -> Fitted:
    """`fit` on counts by the datasets' own arrays, where no point-in-time join is at hand."""
    pairs = calibration_pairs(datasets, settings, seed)
    return fit(datasets, pairs, counts_before(datasets, pairs), settings, seed)


def fit(
    datasets: Datasets, pairs: Swipes, counts: PairCounts, settings: TrainingSettings, seed: int
) -> Fitted:
    """Learn factors before the calibration days, calibrate on those, refit for judging and use."""
    rng = np.random.default_rng(seed)
    people, split, how = datasets.people, datasets.split, settings.factors
    early = datasets.swipes.between(split.start, split.calibrate)
    own = own_coordinates(people, early)
    standing = fit_standing(early, own.all)
    rates = live_rates(standing, _counts(datasets, split.calibrate))
    basis = find_basis(early, people, own, standing, rates, how, rng)
    factors = fit_factors(early, people, standing, rates, basis, how, rng)
    learned = Learned(factors, rates, pairs, counts)
    calibrations = calibrate(learned.inputs(people), pairs.liked)
    past = model_of(people, factors, rates, calibrations, fold_in_parameters(standing, how))
    held = _refit(datasets, own, split.evaluate, factors, calibrations, how, rng)
    final = _refit(datasets, own, split.end, held.factors, calibrations, how, rng)
    ranker = Network.nothing(width_of(how.d, final.e), final.e)
    free = Prices.free(len(people))
    return Fitted(past, held, final, settings, learned, ranker, free)


def _counts(datasets: Datasets, end_day: int) -> Ints:
    return count(datasets.seen.between(0, end_day), len(datasets.people))


def _refit(
    datasets: Datasets,
    own: Own,
    end_day: int,
    start: Factors,
    calibrations: Calibrations,
    how: FactorSettings,
    rng: np.random.Generator,
) -> Model:
    """The model after all swipes before a day, in the directions found already."""
    people = datasets.people
    swipes = datasets.swipes.between(datasets.split.start, end_day)
    standing = fit_standing(swipes, own.all)
    rates = live_rates(standing, _counts(datasets, end_day))
    factors = fit_factors(
        swipes, people, standing, rates, start.basis, how, rng, start=start.latent
    )
    parameters = fold_in_parameters(standing, how)
    return model_of(people, factors, rates, calibrations, parameters)
