"""All that was learned about people at one moment: factors, rates and lines, ready to score."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from features.fold_in import FoldInParameters
from features.score import Calibrations, Sides
from training.cold_start import cold_start
from training.factors import Factors
from training.rates import LiveRates
from training.snapshot import People

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Of n people in table order: factors (n, d + e) and lines (n, 2) float32, rates (n,).

    `cold_start` (BANDS,) holds the means by band, for people whom the release does not know.
    """

    factors: Factors
    rates: LiveRates
    line: Floats
    cold_start: npt.NDArray[np.void]
    calibrations: Calibrations
    fold_in: FoldInParameters
    gender: npt.NDArray[np.uint8]

    @property
    def e(self) -> int:
        """How many of the factors, the last ones, are of photos."""
        return int(self.factors.basis.photo.shape[1])

    def sides(self) -> Sides:
        """Everybody, as the scorer wants them."""
        return _sides(self.factors, self.rates, self.line, self.gender, self.calibrations)


def model_of(
    people: People,
    factors: Factors,
    rates: LiveRates,
    calibrations: Calibrations,
    fold_in: FoldInParameters,
) -> Model:
    """The model of factors and rates of one moment; without lines it scores but cannot retrieve."""
    line = np.zeros((len(people), 2), np.float32)
    means = _means(people, factors, rates, line)
    return Model(factors, rates, line, means, calibrations, fold_in, people.gender)


def with_lines(model: Model, people: People, line: Floats) -> Model:
    """The model with everybody's line (n, 2), by which it can retrieve."""
    means = _means(people, model.factors, model.rates, line)
    return replace(model, line=line, cold_start=means)


def _means(
    people: People, factors: Factors, rates: LiveRates, line: Floats
) -> npt.NDArray[np.void]:
    return cold_start(people.band, factors.taste, factors.appeal, rates.given, rates.received, line)


def _sides(
    factors: Factors,
    rates: LiveRates,
    line: Floats,
    gender: npt.NDArray[np.uint8],
    calibrations: Calibrations,
) -> Sides:
    return Sides.of(
        factors.taste, factors.appeal, rates.given, rates.received, line, gender, calibrations
    )
