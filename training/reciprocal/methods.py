"""The methods that are compared, from numbers by name, as tuning draws and finds them."""

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

Settings = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Rounds:
    """How long iterative methods go on."""

    least_squares: int
    warm_up: int
    draws: int


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


METHODS: Final[Mapping[str, Callable[[Settings, Rounds, int], Method]]] = {
    "two-biases": _biases,
    "als-published": _factors,
    "als-tuned": _factors,
    "gravity-graded": _graded,
}
