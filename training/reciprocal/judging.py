"""What methods are worth on ratings they have not seen: each direction, and both together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from training.reciprocal.estimates import LikeScale, Method
from training.reciprocal.orders import Together, orders
from training.reciprocal.ratings import Floats, Ints, Parts, Ratings
from training.reciprocal.weighted import Weights, auc, average_precision, rmse

Measures = Mapping[tuple[str, str], Floats]
"""(b,) values by measure and order; the order of directed measures is empty."""

REPLICATES: Final = 500


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """A method's word on the test part of one split: its errors (m,), scores of a like (m,), and
    scores (k,) of the pairs with both sides by each order."""

    test: Ratings
    errors: Floats
    like: Floats
    by_order: Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Interval:
    """A value, and the 95% interval of the bootstrap; NaN where there was nothing to measure."""

    value: float
    low: float
    high: float


def attempt(method: Method, parts: Parts) -> Trial:
    """Learn from train, scale likes and learn the last order by validation; then learn from both
    and tell of the test part, once. Raises NoLikes."""
    validation, test = parts.validation, parts.test
    held = method(parts.train, validation.rater, validation.rated)
    scale = LikeScale.fit(held.like, validation)
    sides, logits = validation.of_both(), scale.logits(held.like)
    match = validation.liked[sides.there] & validation.liked[sides.back]
    together = Together.fit(logits[sides.there], logits[sides.back], match)
    found = method(parts.known(), test.rater, test.rated)
    sides, logits = test.of_both(), scale.logits(found.like)
    by_order = orders(logits[sides.there], logits[sides.back], together)
    return Trial(test, found.rating - test.rating, found.like, by_order)


@dataclass(frozen=True, slots=True, eq=False)
class Replicates:
    """How often each of p unordered pairs comes in each of b replicates: counts (b, p)."""

    pair: Ints
    counts: npt.NDArray[np.uint8]

    @classmethod
    def draw(cls, trials: Sequence[Trial], rng: np.random.Generator, b: int) -> "Replicates":
        """A Poisson bootstrap: a pair comes with both directions, in every split that tests it."""
        pair = np.unique(np.concatenate([trial.test.pair for trial in trials]))
        return cls(pair, rng.poisson(1.0, (b, len(pair))).astype(np.uint8))

    def of(self, test: Ratings) -> Weights:
        """Weights (b, m) of the ratings of a test part."""
        return self.counts[:, np.searchsorted(self.pair, test.pair)].astype(np.float32)


def intervals(
    trials: Sequence[Trial], seed: int, beside: Sequence[Trial] | None = None
) -> Mapping[tuple[str, str], Interval]:
    """Means over the splits of one method, or of its differences from another on the same splits.

    The bootstrap is over pairs, and paired: both methods are judged by the same draws.
    """
    drawn = Replicates.draw(trials, np.random.default_rng(seed), REPLICATES)
    value = _mean_measures(trials, beside, None)
    spread = _mean_measures(trials, beside, drawn)
    return {name: _interval(float(value[name][0]), spread[name]) for name in value}


def measures(trial: Trial, weights: Weights) -> Measures:
    """All measures under weights (b, m) of the test part's ratings."""
    test, sides = trial.test, trial.test.of_both()
    match = test.liked[sides.there] & test.liked[sides.back]
    found = {
        ("rmse", ""): rmse(trial.errors, weights),
        ("auc", ""): auc(trial.like, test.liked, weights),
    }
    # Both directions of a pair have one weight.
    of_pairs = weights[:, sides.there]
    for order, score in trial.by_order.items():
        found["auc", order] = auc(score, match, of_pairs)
        found["ap", order] = average_precision(score, match, of_pairs)
    return found


def _mean_measures(
    trials: Sequence[Trial], beside: Sequence[Trial] | None, drawn: Replicates | None
) -> Measures:
    of_trials = []
    for i, trial in enumerate(trials):
        plain = np.ones((1, len(trial.test)), np.float32)
        weights = plain if drawn is None else drawn.of(trial.test)
        own = measures(trial, weights)
        other = measures(beside[i], weights) if beside is not None else None
        of_trials.append(own if other is None else {k: own[k] - other[k] for k in own})
    return {name: np.mean([each[name] for each in of_trials], axis=0) for name in of_trials[0]}


def _interval(value: float, spread: Floats) -> Interval:
    known = spread[np.isfinite(spread)]
    if not len(known):
        return Interval(value, np.nan, np.nan)
    low, high = np.quantile(known, (0.025, 0.975))
    return Interval(value, float(low), float(high))
