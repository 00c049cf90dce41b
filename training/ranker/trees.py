"""Gradient-boosted trees on the ranker's inputs: what it is held against, tuned as hard."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from training.ranker.examples import Examples

Floats = npt.NDArray[np.float32]

_MOST_TREES: Final = 200
_L2: Final = 5.0


@dataclass(frozen=True, slots=True)
class TreeSettings:
    """Leaves of a tree, swipes in a leaf at least, what a tree counts for, and how many."""

    leaves: int
    least: int
    learning_rate: float
    trees: int = _MOST_TREES


TRIED: Final = tuple(TreeSettings(*each) for each in product((4, 8, 16), (50, 200), (0.07,)))


def _one_thread() -> threadpool_limits:
    """On a busy machine the threads of small products wait for each other longer than they work."""
    return threadpool_limits(1, "openmp")


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """Fitted trees."""

    model: HistGradientBoostingClassifier

    def logits(self, inputs: Floats) -> Floats:
        """Logits (m,) of inputs (m, w)."""
        with _one_thread():
            return np.asarray(self.model.decision_function(inputs), np.float32)


def fit_trees(
    early: Examples, later: Examples, seed: int, tried: Sequence[TreeSettings] = TRIED
) -> Trees:
    """Of the settings, and the numbers of trees, those best on later examples; fitted to all."""
    best: tuple[float, TreeSettings] | None = None
    for how in tried:
        model = grow(early.inputs, early.liked, early.weight, how, seed).model
        trees, loss = _best_number(model, later)
        if best is None or loss < best[0]:
            best = loss, replace(how, trees=trees)
    assert best is not None
    inputs, liked, weight = (
        np.concatenate((getattr(early, name), getattr(later, name)))
        for name in ("inputs", "liked", "weight")
    )
    return grow(inputs, liked, weight, best[1], seed)


def _best_number(model: HistGradientBoostingClassifier, later: Examples) -> tuple[int, float]:
    """The number of trees with the least log loss on later examples, and that loss."""
    with _one_thread():
        losses = [
            float(np.average(np.logaddexp(0.0, x) - x * later.liked, weights=later.weight))
            for x in map(np.ravel, model.staged_decision_function(later.inputs))
        ]
    at = int(np.argmin(losses))
    return at + 1, losses[at]


def grow(
    inputs: Floats,
    liked: npt.NDArray[np.bool_],
    weight: Floats,
    how: TreeSettings,
    seed: int,
) -> Trees:
    """Trees of given settings; they take NaN as it is."""
    model = HistGradientBoostingClassifier(
        max_iter=how.trees,
        learning_rate=how.learning_rate,
        max_leaf_nodes=how.leaves,
        min_samples_leaf=how.least,
        l2_regularization=_L2,
        early_stopping=False,
        random_state=seed,
    )
    with _one_thread():
        return Trees(model.fit(inputs, liked, sample_weight=weight))
