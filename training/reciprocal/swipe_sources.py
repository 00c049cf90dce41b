"""What both sides' logits may come from in a market of swipes, all calibrated alike.

Each source gives vectors of which a product is a score; the calibration of this project
(training.calibration) adds the rates, one fit for each gender of the viewer. A source's settings
are the best of a few by the log loss of the calibration days, so that all are tuned alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from features.behaviour import logit
from features.score import Calibrations, Sides
from training.calibration import Inputs, PairCounts, calibrate, counts_before, predicted
from training.coordinates import own_coordinates
from training.datasets import Datasets, Swipes
from training.factorisation.interactions import Interactions
from training.fitting import TrainingSettings, calibration_pairs, fit
from training.latent import LatentSettings, fit_latent
from training.rates import LiveRates, count, live_rates
from training.reciprocal.logistic import LogisticSettings, logistic_factors
from training.standing import fit_standing

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """taste, appeal (n, d) float32."""

    taste: Floats
    appeal: Floats


Source = Callable[[Swipes, int, np.random.Generator], Vectors]
"""Learns from swipes of so many people."""


def als(
    swipes: Swipes, people: int, rng: np.random.Generator, settings: LatentSettings, passes: bool
) -> Vectors:
    """`implicit` ALS, of likes alone or with passes as sure zeros."""
    known = swipes if passes else swipes.take(swipes.liked)
    found = fit_latent(known, people, settings, rng)
    return Vectors(found.chooser, found.chosen)


def logistic(
    swipes: Swipes, people: int, rng: np.random.Generator, settings: LogisticSettings
) -> Vectors:
    """The logistic factorisation; biases are two more directions."""
    ones = np.ones(len(swipes), np.float32)
    known = Interactions(people, people, swipes.viewer, swipes.candidate, swipes.liked, ones)
    tables = logistic_factors(known, settings, rng)
    one = np.ones((people, 1), np.float32)
    taste = np.concatenate((tables.user, tables.user_bias[:, None], one), axis=1)
    return Vectors(taste, np.concatenate((tables.item, one, tables.item_bias[:, None]), axis=1))


def rates_alone(swipes: Swipes, people: int, rng: np.random.Generator) -> Vectors:
    """No factors at all."""
    nothing = np.zeros((people, 1), np.float32)
    return Vectors(nothing, nothing)


_ALS: Final = [
    LatentSettings(d=d, confidence=confidence, regularisation=ridge)
    for d, confidence, ridge in ((8, 100, 1000), (16, 40, 100), (32, 10, 30), (64, 40, 100))
]
_LOGISTIC: Final = [
    LogisticSettings(d=d, ridge=ridge) for d, ridge in ((4, 3.0), (8, 3.0), (8, 6.0), (16, 10.0))
]
SOURCES: Final[dict[str, Sequence[Source]]] = {
    "rates alone": [rates_alone],
    "als of likes": [partial(als, settings=each, passes=False) for each in _ALS],
    "als with passes": [partial(als, settings=each, passes=True) for each in _ALS],
    "logistic with biases": [partial(logistic, settings=each) for each in _LOGISTIC],
}


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Datasets with the rates before the calibration days and at the end, and what calibrates."""

    datasets: Datasets
    pairs: Swipes
    counts: PairCounts
    before: LiveRates
    after: LiveRates

    @classmethod
    def of(cls, datasets: Datasets, seed: int) -> Self:
        """Rates as this project has them, for every source alike."""
        pairs = calibration_pairs(datasets, TrainingSettings(), seed)
        at = [_rates(datasets, day) for day in (datasets.split.calibrate, datasets.split.end)]
        return cls(datasets, pairs, counts_before(datasets, pairs), at[0], at[1])

    def sides(self, sources: Sequence[Source], seed: int) -> Sides:
        """Everybody by the source that calibrates best, learned anew from all swipes."""
        split, people = self.datasets.split, len(self.datasets.people)
        early = self.datasets.swipes.between(split.start, split.calibrate)
        tried = [self._calibrated(source, early, seed) for source in sources]
        best = int(np.argmin([each.loss for each in tried]))
        vectors = sources[best](self.datasets.swipes, people, np.random.default_rng(seed))
        rates, gender = self.after, self.datasets.people.gender
        line = np.zeros((people, 2), np.float32)
        return Sides.of(
            vectors.taste,
            vectors.appeal,
            rates.given,
            rates.received,
            line,
            gender,
            tried[best].calibrations,
        )

    def shipped(self, seed: int) -> Sides:
        """Everybody by what a release of this project holds."""
        settings = TrainingSettings()
        return fit(self.datasets, self.pairs, self.counts, settings, seed).final.sides()

    def _calibrated(self, source: Source, early: Swipes, seed: int) -> "_Calibrated":
        vectors = source(early, len(self.datasets.people), np.random.default_rng(seed))
        inputs, liked = self._inputs(vectors), self.pairs.liked
        calibrations = calibrate(inputs, liked)
        x = predicted(inputs, calibrations).astype(np.float64)
        loss = np.logaddexp(0.0, np.where(liked, -x, x)).mean()
        return _Calibrated(calibrations, float(loss))

    def _inputs(self, vectors: Vectors) -> Inputs:
        pairs, counts = self.pairs, self.counts
        taste, appeal = vectors.taste[pairs.viewer], vectors.appeal[pairs.candidate]
        given = np.stack((counts.likes_given, counts.swipes_given), axis=1)
        received = np.stack((counts.likes_received, counts.swipes_received), axis=1)
        return Inputs(
            score=np.asarray(np.einsum("md,md->m", taste, appeal), np.float32),
            given=logit(self.before.given_after(pairs.viewer, given)),
            received=logit(self.before.received_after(pairs.candidate, received)),
            gender=self.datasets.people.gender[pairs.viewer],
        )


@dataclass(frozen=True, slots=True)
class _Calibrated:
    calibrations: Calibrations
    loss: float


def _rates(datasets: Datasets, end_day: int) -> LiveRates:
    people = datasets.people
    swipes = datasets.swipes.between(datasets.split.start, end_day)
    standing = fit_standing(swipes, own_coordinates(people, swipes).all)
    return live_rates(standing, count(datasets.seen.between(0, end_day), len(people)))
