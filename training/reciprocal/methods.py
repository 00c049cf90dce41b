"""The methods that are compared, and where tuning may look, and from where (what it found is in
training.reciprocal.found).

All are tuned alike: as many trials, the same search, by the RMSE on the validation part alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from training.reciprocal.estimates import Method
from training.reciprocal.joint_prior import PriorSettings
from training.reciprocal.least_squares import (
    FactorSettings,
    Shrinkage,
    biased_factors,
    two_biases,
)
from training.reciprocal.ordinal import OrdinalSettings, ordinal_factors
from training.reciprocal.tuning import Range

Settings = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Rounds:
    """How long iterative methods go on."""

    least_squares: int
    warm_up: int
    draws: int


@dataclass(frozen=True, slots=True)
class Contender:
    """A method from settings; `ranges` is empty where they are as published, at the `start`."""

    name: str
    build: Callable[[Settings, Rounds, int], Method]
    start: Settings
    ranges: Mapping[str, Range]


def _biases(settings: Settings, rounds: Rounds, seed: int) -> Method:
    return partial(two_biases, shrinkage=Shrinkage(settings["rater"], settings["rated"]))


def _factors(settings: Settings, rounds: Rounds, seed: int) -> Method:
    shrinkage = Shrinkage(settings["rater"], settings["rated"])
    how = FactorSettings(int(settings["d"]), settings["ridge"], rounds.least_squares, shrinkage)
    return partial(biased_factors, settings=how, seed=seed)


def _graded(settings: Settings, rounds: Rounds, seed: int) -> Method:
    how = OrdinalSettings(
        d=int(settings["d"]),
        directions=int(settings["directions"]),
        prior=PriorSettings(settings["variance"], settings["people"]),
        rater_shape=settings["rater_shape"],
        rated_shape=settings["rated_shape"],
        warm_up=rounds.warm_up,
        draws=rounds.draws,
    )
    return partial(ordinal_factors, settings=how, seed=seed)


_SHRINKAGES: Final = {"rater": Range(0.3, 30.0), "rated": Range(0.3, 30.0)}

TWO_BIASES: Final = Contender("two-biases", _biases, {"rater": 5.0, "rated": 2.0}, _SHRINKAGES)
PUBLISHED: Final = Contender(
    "als-published", _factors, {"d": 40, "ridge": 40.0, "rater": 5.0, "rated": 5.0}, {}
)
"""Biased least squares as FACTS has it."""
TUNED: Final = Contender(
    "als-tuned",
    _factors,
    {"d": 40, "ridge": 20.0, "rater": 5.0, "rated": 2.0},
    {"d": Range(5, 80, whole=True), "ridge": Range(5.0, 80.0), **_SHRINKAGES},
)
GRADED: Final = Contender(
    "gravity-graded",
    _graded,
    {
        "d": 8,
        "directions": 15,
        "variance": 0.05,
        "people": 50.0,
        "rater_shape": 3.0,
        "rated_shape": 10.0,
    },
    {
        "d": Range(4, 16, whole=True),
        "directions": Range(4, 40, whole=True),
        "variance": Range(0.01, 0.3),
        "people": Range(1.0, 200.0),
        "rater_shape": Range(1.0, 20.0),
        "rated_shape": Range(1.0, 30.0),
    },
)
CONTENDERS: Final = (TWO_BIASES, PUBLISHED, TUNED, GRADED)
