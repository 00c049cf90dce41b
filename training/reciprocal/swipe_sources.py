"""What both sides' logits may come from in a market of swipes, all calibrated alike.

Each source gives vectors of which a product is a score; the calibration of this project
(training.calibration) adds the rates, one fit for each gender of the viewer. A source's settings
are the best of a few by the log loss of the calibration days, so that all are tuned alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from features.behaviour import logit
from features.score import Calibrations, Sides
from training.calibration import Inputs, PairCounts, calibrate, counts_before, predicted
from training.coordinates import own_coordinates
from training.datasets import Datasets, Swipes
from training.factorisation.als import Als
from training.factorisation.interactions import Interactions
from training.factorisation.logistic import Logistic
from training.factorisation.trainer import Factorisation
from training.fitting import TrainingSettings, calibration_pairs, fit
from training.rates import LiveRates, count, live_rates
from training.standing import fit_standing

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """taste, appeal (n, d) float32."""

    taste: Floats
    appeal: Floats


@dataclass(frozen=True, slots=True)
class Source:
    """A factorisation, of likes alone or of passes too; None: no factors, the rates alone."""

    trainer: Factorisation | None
    passes: bool = True

    def vectors(self, swipes: Swipes, people: int, seed: int) -> Vectors:
        """Of everybody, as chooser and as chosen; biases are two more directions."""
        one = np.ones((people, 1), np.float32)
        if self.trainer is None:
            return Vectors(0 * one, 0 * one)
        known = swipes if self.passes else swipes.take(swipes.liked)
        weight = np.ones(len(known), np.float32)
        tables = self.trainer.fit(
            Interactions(people, people, known.viewer, known.candidate, known.liked, weight), seed
        )
        taste = np.concatenate((tables.user, tables.user_bias[:, None], one), axis=1)
        return Vectors(taste, np.concatenate((tables.item, one, tables.item_bias[:, None]), axis=1))


_ALS: Final = (Als(d=8, confidence=100.0, regularisation=1000.0), Als(d=16), Als(d=64))
_LOGISTIC: Final = (Logistic(d=8, vector_variance=0.05), Logistic(d=8), Logistic(d=16))
SOURCES: Final[Mapping[str, Sequence[Source]]] = {
    "rates alone": [Source(None)],
    "als of likes": [Source(each, passes=False) for each in _ALS],
    "als with passes": [Source(each) for each in _ALS],
    "logistic with biases": [Source(each) for each in _LOGISTIC],
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
        vectors = sources[best].vectors(self.datasets.swipes, people, seed)
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
        vectors = source.vectors(early, len(self.datasets.people), seed)
        inputs, liked = self._inputs(vectors), self.pairs.liked
        calibrations = calibrate(inputs, liked)
        x = predicted(inputs, calibrations).astype(np.float64)
        loss = np.logaddexp(0.0, np.where(liked, -x, x)).mean()
        return _Calibrated(calibrations, float(loss))

    def _inputs(self, vectors: Vectors) -> Inputs:
        pairs, counts = self.pairs, self.counts
        taste, appeal = vectors.taste[pairs.viewer], vectors.appeal[pairs.candidate]
        return Inputs(
            score=np.asarray(np.einsum("md,md->m", taste, appeal), np.float32),
            given=logit(self.before.given_after(pairs.viewer, counts.given)),
            received=logit(self.before.received_after(pairs.candidate, counts.received)),
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
