"""Each person's line: log P(like) ~ alpha + beta x over some hundreds of random eligible people.

x is the calibrated logit, P the ranker's. Weighted towards the people near the top of each one's
list: there the line must hold, since there retrieval cuts. What the ranker makes of somebody as
chosen, whoever chooses, no line of the choosers can hold: it is added to the alpha of the chosen,
which stands by itself in the retrieval's score. People of a block of the table are neighbours, so
a block shares one random sample.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.eligibility import Candidates, eligible, viewer_of
from features.ranker import Network, core_logits, heads_of_core
from features.score import Sides, log_sigmoid
from training.cold_start import fill_by_band
from training.snapshot import People

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_BLOCK: Final = 256
_SAMPLE: Final = 2048
_NEAR: Final = 20_000
_MOST: Final = 256
_LEAST: Final = 12
_FLATTENED: Final = 0.5
"""Power of the expected match that weighs a candidate (docs/decisions/0041)."""


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """line (n, 2) float32, alpha and beta; `fitted` (n,) where there were enough people to fit."""

    line: Floats
    fitted: npt.NDArray[np.bool_]


def fit_lines(
    people: People, sides: Sides, ranker: Network, today: int, rng: np.random.Generator
) -> Lines:
    """Lines of everybody; who has too few eligible people gets the mean line of their band."""
    n = len(people)
    line = np.zeros((n, 2), np.float32)
    fitted = np.zeros(n, bool)
    columns = Candidates.of(people.table)
    for start in range(0, n, _BLOCK):
        rows = np.arange(start, min(n, start + _BLOCK))
        sample = _sample(start, n, rng)
        may = _eligible_block(people, columns.take(sample), rows, today)
        owner, other = np.nonzero(may & (rng.random(may.shape) < _thinned(may)))
        pairs = _Pairs.of(sides.take(rows[owner]), sides.take(sample[other]), ranker)
        line[rows] = _fit_block(pairs, owner, other, may.shape)
        fitted[rows] = may.sum(axis=1) >= _LEAST
    if not fitted.any():
        line[:] = -np.log(2.0), 0.5  # the tangent of log s at 0
        return Lines(line, fitted)
    return Lines(fill_by_band(line, fitted, people.band), fitted)


def _sample(start: int, n: int, rng: np.random.Generator) -> Ints:
    """Random rows, half of them from the neighbourhood of a block."""
    low, high = max(0, start - _NEAR), min(n, start + _BLOCK + _NEAR)
    near = low + rng.permutation(high - low)[: _SAMPLE // 2]
    anywhere = rng.integers(0, n, _SAMPLE // 2) if n > _SAMPLE else np.arange(n)
    return np.unique(np.concatenate((near, anywhere)))


def _eligible_block(
    people: People, sample: Candidates, rows: Ints, today: int
) -> npt.NDArray[np.bool_]:
    return np.stack([eligible(viewer_of(people.table, int(r)), sample, today) for r in rows])


def _thinned(may: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Probabilities (b, 1) that leave each some 256 of those they may be shown (b, s)."""
    return np.asarray(_MOST / np.maximum(1, may.sum(axis=1, keepdims=True)))


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Of k pairs: x (k,), the ranker's log P(like) there and back (k,), and how far the latter is
    from what the calibration gives."""

    x: Floats
    there: Floats
    back: Floats
    lifted: Floats

    @classmethod
    def of(cls, choosers: Sides, chosen: Sides, ranker: Network) -> "_Pairs":
        core = core_logits(choosers, chosen)
        heads = heads_of_core(ranker, choosers, chosen, core)
        back = log_sigmoid(heads.back)
        return cls(core[:, 0], log_sigmoid(heads.there), back, back - log_sigmoid(core[:, 1]))


def _fit_block(pairs: _Pairs, owner: Ints, other: Ints, shape: tuple[int, int]) -> Floats:
    """Lines (b, 2) of b people by their pairs with others of a shared sample (s,)."""
    people, sampled = shape
    score = pairs.there + pairs.back
    top = np.full(people, -np.inf, np.float32)
    np.maximum.at(top, owner, score)
    weight = np.exp(_FLATTENED * (score - top[owner]))

    def mean(values: Floats, of: Ints, count: int) -> npt.NDArray[np.float64]:
        total = np.maximum(np.bincount(of, weight, count), 1e-30)
        return np.bincount(of, weight * values, count) / total

    mean_x, mean_y = (mean(values, owner, people) for values in (pairs.x, pairs.there))
    dx = (pairs.x - mean_x[owner]).astype(np.float32)
    spread = mean(dx * dx, owner, people)
    slope = mean(dx * pairs.there, owner, people) / np.maximum(spread, 1e-12)
    # Where x hardly varies the fit has no slope of its own: the tangent's.
    beta = np.where(spread > 1e-6, slope, 1.0 - np.exp(log_sigmoid(mean_x)))
    # A chooser's own readiness is no merit of whom they happen to look at.
    readiness = mean(pairs.lifted, other, sampled)
    as_chosen = mean((pairs.lifted - readiness[other]).astype(np.float32), owner, people)
    alpha = mean_y - beta * mean_x + as_chosen
    return np.stack((alpha, beta), axis=1).astype(np.float32)
