"""All that was learned about people at one moment: factors, rates and lines, ready to score."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.score import Calibrations, Sides
from training.cold_start import cold_start, fill_by_band
from training.datasets import Datasets, Swipes
from training.factors import Factors
from training.lines import fit_lines
from training.rates import Priors, count, given_rate, received_rate

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Of n people in table order: factors (n, d), smoothed rates (n,), lines (n, 2) float32.

    `cold_start` (BANDS,) holds the means that people without history were given here.
    """

    taste: Floats
    taste_prior: Floats
    appeal: Floats
    given_rate: Floats
    received_rate: Floats
    line: Floats
    cold_start: npt.NDArray[np.void]
    calibrations: Calibrations
    gender: npt.NDArray[np.uint8]

    def sides(self) -> Sides:
        """Everybody, as the scorer wants them."""
        return Sides.of(
            self.taste,
            self.appeal,
            self.given_rate,
            self.received_rate,
            self.line,
            self.gender,
            self.calibrations,
        )


def model_of(
    datasets: Datasets,
    swipes: Swipes,
    factors: Factors,
    priors: Priors,
    calibrations: Calibrations,
    rng: np.random.Generator,
) -> Model:
    """The model after `swipes`, from which the factors were learned."""
    people = datasets.people
    counts = count(swipes, len(people))
    made, received = counts.swipes_given > 0, counts.swipes_received > 0
    given = fill_by_band(given_rate(counts, priors), made, people.band)
    liked = fill_by_band(received_rate(counts, priors), received, people.band)
    taste, appeal = factors.taste, factors.appeal
    no_line = np.zeros((len(people), 2), np.float32)
    sides = Sides.of(taste, appeal, given, liked, no_line, people.gender, calibrations)
    line = fit_lines(people, sides, datasets.today, rng).line
    means = cold_start(people.band, taste, appeal, given, liked, line, made, received)
    return Model(
        taste, factors.prior, appeal, given, liked, line, means, calibrations, people.gender
    )
