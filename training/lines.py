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
Floats64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_BLOCK: Final = 256
_SAMPLE: Final = 2048
_NEAR: Final = 20_000
_MOST: Final = 256
_LEAST: Final = 12
_TURNS: Final = 3
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
        chosen = may & (rng.random(may.shape) < _thinned(may))
        line[rows] = _fit_block(_Pairs.of(sides.take(rows), sides.take(sample), ranker, chosen))
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
    """k pairs of one of `owners` people and one of `others`; calibrated logits x (k, 2) there and
    back, and the ranker's log P(like) y (k, 2)."""

    owner: Ints
    other: Ints
    owners: int
    others: int
    x: Floats
    y: Floats

    @classmethod
    def of(
        cls, owners: Sides, others: Sides, ranker: Network, may: npt.NDArray[np.bool_]
    ) -> "_Pairs":
        owner, other = np.nonzero(may)
        one, two = owners.take(owner), others.take(other)
        core = core_logits(one, two)
        heads = heads_of_core(ranker, one, two, core)
        y = log_sigmoid(np.stack((heads.there, heads.back), axis=1))
        owner_count, other_count = may.shape
        return cls(owner, other, owner_count, other_count, core[:, :2], y)

    def weights(self) -> Floats64:
        """(k,)"""
        score = self.y.sum(axis=1)
        top = np.full(self.owners, -np.inf, np.float32)
        np.maximum.at(top, self.owner, score)
        return np.asarray(np.exp(_FLATTENED * (score - top[self.owner])), np.float64)


def _fit_block(pairs: _Pairs) -> Floats:
    """Lines (b, 2) of the owners."""
    weight = pairs.weights()
    choosers = _Role(pairs.owner, pairs.owners, pairs.other, pairs.others, weight)
    alpha, beta, _ = choosers.fit(pairs.x[:, 0], pairs.y[:, 0])
    chosen = _Role(pairs.other, pairs.others, pairs.owner, pairs.owners, weight)
    _, _, lift = chosen.fit(pairs.x[:, 1], pairs.y[:, 1])
    return np.stack((alpha + lift, beta), axis=1).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    alpha: Floats64
    beta: Floats64


@dataclass(frozen=True, slots=True, eq=False)
class _Role:
    """Of k pairs (k,): who chooses and who is chosen, each of how many, and what a pair weighs."""

    chooser: Ints
    choosers: int
    chosen: Ints
    chosen_ones: int
    weight: Floats64

    def fit(self, x: Floats, y: Floats) -> tuple[Floats64, Floats64, Floats64]:
        """alpha, beta of choosers and the lift of the chosen, beside the others of these pairs.

        The line is that of log s(x); what y has beyond it is fitted by turns as
        a[chooser] + b[chooser] x + lift[chosen]: curvature alone is no merit.
        """
        mean_x = self._of_chooser(x)
        dx = x - mean_x[self.chooser]
        spread = self._of_chooser(dx * dx)

        def line(values: npt.NDArray[np.floating], else_slope: Floats64) -> _Line:
            slope = self._of_chooser(dx * values) / np.maximum(spread, 1e-12)
            beta = np.where(spread > 1e-6, slope, else_slope)
            return _Line(self._of_chooser(values) - beta * mean_x, beta)

        plain = log_sigmoid(x)
        # Where x hardly varies the fit has no slope of its own: the tangent's.
        found = line(plain, 1.0 - np.exp(log_sigmoid(mean_x)))
        beyond, lift = y - plain, np.zeros(self.chosen_ones)
        for _ in range(_TURNS):
            own = line(beyond - lift[self.chosen], np.zeros(self.choosers))
            left = beyond - own.alpha[self.chooser] - own.beta[self.chooser] * x
            lift = _means(left, self.chosen, self.chosen_ones, self.weight)
        return found.alpha + own.alpha, found.beta + own.beta, lift

    def _of_chooser(self, values: npt.NDArray[np.floating]) -> Floats64:
        return _means(values, self.chooser, self.choosers, self.weight)


def _means(values: npt.NDArray[np.floating], of: Ints, count: int, weight: Floats64) -> Floats64:
    total = np.maximum(np.bincount(of, weight, count), 1e-30)
    return np.asarray(np.bincount(of, weight * values, count) / total)
