"""Speed dating judged on whole waves that were held out: nobody in them was ever seen.

The waves fall into five folds at random, several times over. With tuning, the settings of each fold
are those best on three folds of its own training waves, by the log loss of matches as the product
of both sides: for the network and for the trees alike.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt

from features.ranker import Network
from features.score import log_sigmoid
from training.ranker.examples import Examples
from training.ranker.measures import log_loss, plain
from training.ranker.network import NetworkSettings, fit_epochs
from training.ranker.speed_dating import OF_PERSON_BY_GENDER, SpeedDating
from training.ranker.trees import TreeSettings, grow

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FOLDS: Final = 5
_INNER: Final = 3


@dataclass(frozen=True, slots=True)
class Ours:
    """The network's prior: how far a weight of a person's own answer may go beside one of a pair,
    the same for an answer by gender, and the rest."""

    of_person: float
    by_gender: float
    network: NetworkSettings


def _ours(of_person: float, by_gender: float, l2: float, hidden: int = 0) -> Ours:
    network = NetworkSettings(
        members=4 if hidden else 1,
        hidden=hidden,
        linear_l2=l2,
        hidden_l2=2.0 * l2,
        learning_rate=0.01,
        epochs=30,
    )
    return Ours(of_person, by_gender, network)


OURS: Final = _ours(0.3, 0.1, 200.0)
OURS_TRIED: Final = (
    OURS,
    *(_ours(*each) for each in product((0.15, 0.5), (0.02, 0.3), (200.0,))),
    _ours(0.3, 0.1, 800.0),
    _ours(0.3, 0.1, 200.0, hidden=4),
)
TREES: Final = TreeSettings(leaves=4, least=50, learning_rate=0.05, trees=80)
TREES_TRIED: Final = tuple(
    TreeSettings(*each) for each in product((4, 8), (20, 100), (0.05,), (40, 120))
)

Fit = Callable[[Bools, Bools], Floats]
"""Logits (t,) of held-out rows, by masks (m,) of what to learn from and of what to predict."""


def network_fit(dates: SpeedDating, target: Bools, how: Ours, seed: int) -> Fit:
    """Fits the network to a target (m,) of the decisions: the yes of one side, or the match."""
    reach = np.array([1.0, how.of_person, how.by_gender], np.float32)[dates.kind]

    def fit(learned: Bools, predicted: Bools) -> Floats:
        n = int(np.count_nonzero(learned))
        level = np.clip(target[learned].mean(), 1e-3, 1.0 - 1e-3)
        base = np.log(level / (1.0 - level)).astype(np.float32)
        examples = Examples(
            dates.inputs[learned], np.full(n, base), target[learned], np.ones(n, np.float32)
        )
        network: Network = fit_epochs(examples, how.network, seed, reach)
        rows = dates.inputs[predicted]
        return network.logits(rows, np.full(len(rows), base))

    return fit


def tree_fit(dates: SpeedDating, target: Bools, how: TreeSettings, seed: int) -> Fit:
    """Grows trees; answers by gender are left to them, since they find such by themselves."""
    width = int(np.count_nonzero(dates.kind != OF_PERSON_BY_GENDER))
    # The first of the answers by gender is the gender.
    inputs = dates.inputs[:, : width + 1]

    def fit(learned: Bools, predicted: Bools) -> Floats:
        weight = np.ones(int(np.count_nonzero(learned)), np.float32)
        trees = grow(inputs[learned], target[learned], weight, how, seed)
        return trees.logits(inputs[predicted])

    return fit


def cross_fitted(dates: SpeedDating, fits: Sequence[Fit], seed: int) -> Floats:
    """Logits (m,) of every decision by a model that saw none of its wave.

    Where there are several ways to fit, each fold takes the one best within its training waves.
    """
    logits = np.empty(len(dates), np.float32)
    for held_out in _folds(dates.wave, FOLDS, seed):
        learned = ~held_out
        fit = fits[0] if len(fits) == 1 else _best(dates, fits, learned, seed)
        logits[held_out] = fit(learned, held_out)
    return logits


def _folds(wave: Ints, folds: int, seed: int) -> Iterator[Bools]:
    """Masks (m,) of the rows of each fold of whole waves."""
    order = np.random.default_rng(seed).permutation(np.unique(wave))
    for waves in np.array_split(order, folds):
        yield np.isin(wave, waves)


def _best(dates: SpeedDating, fits: Sequence[Fit], within: Bools, seed: int) -> Fit:
    masks = [mask & within for mask in _folds(np.where(within, dates.wave, -1), _INNER, seed)]
    losses = []
    for fit in fits:
        logits = np.zeros(len(dates), np.float32)
        for mask in masks:
            logits[mask] = fit(within & ~mask, mask)
        losses.append(_match_loss(dates, logits, within))
    return fits[int(np.argmin(losses))]


def _match_loss(dates: SpeedDating, logits: Floats, rows: Bools) -> float:
    x = match_logits(logits, logits[dates.back])[rows]
    return plain(log_loss(x, dates.matched[rows]), len(x))


def match_logits(there: Floats, back: Floats) -> Floats:
    """Logit (m,) of the product of two probabilities by their logits (m,)."""
    log_p = np.minimum(log_sigmoid(there) + log_sigmoid(back), np.float32(-1e-6))
    return np.asarray(log_p - np.log(-np.expm1(log_p)), np.float32)


def harmonic_means(there: Floats, back: Floats) -> Floats:
    """Harmonic mean (m,) of two probabilities by their logits (m,)."""
    p, q = np.exp(log_sigmoid(there)), np.exp(log_sigmoid(back))
    return np.asarray(2.0 * p * q / (p + q), np.float32)
