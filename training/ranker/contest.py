"""The ranker and what it has to beat, on the last days of one market, all learned from the same.

What all learn from are the swipes of the calibration days, with factors from before; settings and
the number of epochs or trees are those best on the latest quarter of them. What is judged comes
after: the evaluation days, with factors from before those.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from features.ranker import Network, core_logits, other_side, pair_inputs
from features.score import Sides, log_sigmoid
from training.calibration import counts_before
from training.datasets import Datasets, Swipes
from training.fitting import Fitted
from training.ranker.examples import Examples, examples_of
from training.ranker.fitting import fit_ranker, split_by_time, weighed_examples
from training.ranker.trees import TRIED, fit_trees

Floats = npt.NDArray[np.float32]
Likes = Callable[[Floats, Floats], Floats]
"""Logits (m,) that somebody likes somebody, of inputs (m, w) and base logits (m,)."""

RANKER = "gravity ranker"
UNWEIGHED = "gravity ranker, cards all alike"
PRODUCT = "product of calibrated logits"
TREES = "trees"


@dataclass(frozen=True, slots=True, eq=False)
class Contest:
    """Contestants by name, and the swipes that they have not seen: `examples`, made by `viewer`
    (m,) rows of people."""

    likes: dict[str, Likes]
    held_out: Swipes
    examples: Examples


def hold_contest(
    datasets: Datasets,
    fitted: Fitted,
    tried: int,
    seed: int,
    say: Callable[[str], None],
) -> Contest:
    """Fit everything to the calibration pairs, and make the examples of the evaluation days.

    `tried`: how many of their settings the trees may try.
    """
    say("fitting the ranker")
    weighed = weighed_examples(fitted)
    ranker = fit_ranker(weighed, seed)
    unweighed = fit_ranker(replace(weighed, weight=np.ones_like(weighed.weight)), seed)
    say("growing trees")
    trees = fit_trees(*split_by_time(weighed), seed, TRIED[:tried])
    split = datasets.split
    held_out = datasets.swipes.between(split.evaluate, split.end)
    examples = examples_of(fitted.held, held_out, counts_before(datasets, held_out))
    likes = {
        RANKER: _of_network(ranker),
        UNWEIGHED: _of_network(unweighed),
        PRODUCT: lambda inputs, base: base,
        TREES: lambda inputs, base: trees.logits(inputs),
    }
    return Contest(likes, held_out, examples)


def _of_network(network: Network) -> Likes:
    return network.logits


def log_matches(likes: Likes, viewer: Sides, candidates: Sides, e: int = 0) -> Floats:
    """Log expected matches (m,) of a viewer (one) and candidates (m), of whose factors the last e
    are of photos."""
    core = core_logits(viewer, candidates)
    back = other_side(core)
    x = likes(pair_inputs(viewer, candidates, core, e), core[:, 0])
    y = likes(pair_inputs(candidates, viewer, back, e), back[:, 0])
    return np.asarray(log_sigmoid(x) + log_sigmoid(y), np.float32)
