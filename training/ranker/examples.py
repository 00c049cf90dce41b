"""What the ranker learns from: swipes with the inputs of their moment."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from features.ranker import core_logits, logit_inputs, pair_inputs
from features.score import Sides
from training.datasets import Datasets, Swipes
from training.model import Model
from training.propensity import inverse_propensities
from training.rates import count

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """m swipes, each the question "does u like v": inputs (m, w), base logit (m,) float32, liked
    (m,) bool, weight (m,) float32. In order of time.

    An example of the one head is one of the other with the sides exchanged, so there is one list.
    """

    inputs: Floats
    base: Floats
    liked: npt.NDArray[np.bool_]
    weight: Floats

    def __len__(self) -> int:
        return len(self.liked)

    def take(self, rows: slice | Ints | npt.NDArray[np.bool_]) -> Self:
        """The given rows."""
        return replace(
            self, **{name: getattr(self, name)[rows] for name in self.__dataclass_fields__}
        )


@dataclass(frozen=True, slots=True, eq=False)
class BothCounts:
    """Counts (m, 4) int64 of m swipes' viewers and candidates before the midnight (UTC) of each:
    likes given, swipes given, likes received, swipes received."""

    viewer: Ints
    candidate: Ints


def both_counts_before(datasets: Datasets, pairs: Swipes) -> BothCounts:
    """Point-in-time counts of both sides of pairs (in order of time)."""
    people = len(datasets.people)
    viewer, candidate = np.zeros((2, len(pairs), 4), np.int64)
    at = 0
    for day in np.unique(pairs.day).tolist():
        counts = count(datasets.seen.between(0, day), people)
        of_day = pairs.between(day, day + 1)
        rows = slice(at, at + len(of_day))
        viewer[rows], candidate[rows] = counts[of_day.viewer], counts[of_day.candidate]
        at += len(of_day)
    return BothCounts(viewer, candidate)


def sides_at(model: Model, people: Ints, counts: Ints) -> Sides:
    """Sides (m,) of rows (m,) of people whose counts were (m, 4): the model's, with fresh rates."""
    return Sides.of(
        model.factors.taste[people],
        model.factors.appeal[people],
        model.rates.given_after(people, counts[:, :2]),
        model.rates.received_after(people, counts[:, 2:]),
        model.line[people],
        model.gender[people],
        model.calibrations,
    )


def examples_of(model: Model, pairs: Swipes, counts: BothCounts) -> Examples:
    """Examples (m,) of swipes that the model has not seen."""
    viewers = sides_at(model, pairs.viewer, counts.viewer)
    candidates = sides_at(model, pairs.candidate, counts.candidate)
    core = core_logits(viewers, candidates)
    return Examples(
        inputs=pair_inputs(viewers, candidates, core),
        base=core[:, 0],
        liked=pairs.liked,
        weight=np.ones(len(pairs), np.float32),
    )


def logged_examples(core: Floats, liked: npt.NDArray[np.bool_]) -> Examples:
    """Examples of what serving logged: the logits (m, CORE) of each card."""
    weight = np.ones(len(liked), np.float32)
    return Examples(logit_inputs(core), core[:, 0], liked, weight)


def by_inverse_propensity(examples: Examples, propensity: Floats) -> Examples:
    """The same, weighed by 1 / propensity (clipped, mean 1), where it is known."""
    weight = inverse_propensities(propensity)
    return replace(examples, weight=np.asarray(weight / weight.mean(), np.float32))
