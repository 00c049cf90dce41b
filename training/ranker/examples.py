"""What the ranker learns from: swipes with the inputs of their moment."""

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from features.ranker import Network, core_logits, pair_inputs
from features.score import Sides
from training.calibration import PairCounts
from training.datasets import Swipes
from training.model import Model
from training.propensity import inverse_propensities

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_PIECE: Final = 50_000


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """m swipes, each the question "does u like v": inputs (m, w), base logit (m,) float32, liked
    (m,) bool, weight (m,) float32. In order of time.

    An example of the one head is one of the other with the sides exchanged, so there is one list.
    `e`: of how many directions of photos the last two inputs are; 0 where there are none.
    """

    inputs: Floats
    base: Floats
    liked: npt.NDArray[np.bool_]
    weight: Floats
    e: int = 0

    def __len__(self) -> int:
        return len(self.liked)

    def take(self, rows: slice | Ints | npt.NDArray[np.bool_]) -> Self:
        """The given rows."""
        columns = ("inputs", "base", "liked", "weight")
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})


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


def examples_of(model: Model, pairs: Swipes, counts: PairCounts) -> Examples:
    """Examples (m,) of swipes that the model has not seen."""
    viewers = sides_at(model, pairs.viewer, counts.viewer)
    candidates = sides_at(model, pairs.candidate, counts.candidate)
    core = core_logits(viewers, candidates)
    return Examples(
        inputs=pair_inputs(viewers, candidates, core, model.e),
        base=core[:, 0],
        liked=pairs.liked,
        weight=np.ones(len(pairs), np.float32),
        e=model.e,
    )


def logits_of(network: Network, model: Model, pairs: Swipes, counts: PairCounts) -> Floats:
    """Logits (m,) of swipes that the model has not seen, piece by piece: their inputs are many."""
    pieces = [np.zeros(0, np.float32)]
    for start in range(0, len(pairs), _PIECE):
        rows = slice(start, start + _PIECE)
        of_rows = PairCounts(counts.viewer[rows], counts.candidate[rows])
        examples = examples_of(model, pairs.take(rows), of_rows)
        pieces.append(network.logits(examples.inputs, examples.base))
    return np.concatenate(pieces)


def logged_examples(core: Floats, liked: npt.NDArray[np.bool_]) -> Examples:
    """Examples of what serving logged: the logits (m, CORE) of each card."""
    weight = np.ones(len(liked), np.float32)
    return Examples(core, core[:, 0], liked, weight)


def by_inverse_propensity(examples: Examples, propensity: Floats) -> Examples:
    """The same, weighed by 1 / propensity (clipped, mean 1), where it is known."""
    weight = inverse_propensities(propensity)
    return replace(examples, weight=np.asarray(weight / weight.mean(), np.float32))
