"""Each person's line: log s(x) ~ alpha + beta x over some hundreds of random eligible people.

Weighted towards the people near the top of each one's list: there the line must hold, since there
retrieval cuts. People of a block of the table are neighbours, so a block shares one random sample
and the work is a few dense products.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.eligibility import Candidates, eligible, viewer_of
from features.score import Sides, log_sigmoid
from training.cold_start import fill_by_band
from training.snapshot import People

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_BLOCK: Final = 256
_SAMPLE: Final = 2048
_NEAR: Final = 20_000
_LEAST: Final = 12
_FLATTENED: Final = 0.5
"""Power of the expected match that weighs a candidate (docs/decisions/0041)."""


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """line (n, 2) float32, alpha and beta; `fitted` (n,) where there were enough people to fit."""

    line: Floats
    fitted: npt.NDArray[np.bool_]


def fit_lines(people: People, sides: Sides, today: int, rng: np.random.Generator) -> Lines:
    """Lines of everybody; who has too few eligible people gets the mean line of their band."""
    n = len(people)
    line = np.zeros((n, 2), np.float32)
    fitted = np.zeros(n, bool)
    columns = Candidates.of(people.table)
    for start in range(0, n, _BLOCK):
        rows = np.arange(start, min(n, start + _BLOCK))
        sample = _sample(start, n, rng)
        may = _eligible_block(people, columns.take(sample), rows, today)
        line[rows], fitted[rows] = _fit_block(sides.take(rows), sides.take(sample), may)
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


def _fit_block(
    choosers: Sides, chosen: Sides, may: npt.NDArray[np.bool_]
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Lines (b, 2) of b people over a shared sample (s,) by masks (b, s), and which were fitted."""
    owner, other = np.nonzero(may)
    x = _logits(choosers, chosen)[owner, other]
    y = log_sigmoid(x)
    score = y + log_sigmoid(_logits(chosen, choosers)[other, owner])
    top = np.full(len(may), -np.inf, np.float32)
    np.maximum.at(top, owner, score)
    weight = np.exp(_FLATTENED * (score - top[owner]))

    def mean(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        return np.bincount(owner, weight * values, len(may)) / total

    total = np.maximum(np.bincount(owner, weight, len(may)), 1e-30)
    mean_x, mean_y = mean(x), mean(y)
    dx = x - mean_x[owner]
    spread = mean(dx * dx)
    slope = mean(dx * (y - mean_y[owner])) / np.maximum(spread, 1e-12)
    # Where x hardly varies the fit has no slope of its own: the tangent's.
    beta = np.where(spread > 1e-6, slope, 1.0 - np.exp(log_sigmoid(mean_x)))
    line = np.stack((mean_y - beta * mean_x, beta), axis=1).astype(np.float32)
    return line, may.sum(axis=1) >= _LEAST


def _logits(choosers: Sides, chosen: Sides) -> Floats:
    """x (b, s) float32 of every chooser for every chosen one."""
    x = (choosers.k[:, None] * choosers.taste) @ chosen.appeal.T
    x += choosers.offset[:, None] + choosers.w_received[:, None] * chosen.received_logit
    return np.asarray(x, np.float32)
