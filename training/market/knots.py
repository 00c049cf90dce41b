"""Where a candidate's prices stand: the middles of equal parts of those who may be shown them."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from features.prices import KNOTS
from training.market.shortlists import NOBODY, Shortlists

Floats = npt.NDArray[np.float32]

_REACH: Final = 16.0
_STEPS: Final = 65_535
_LEAST_GAP: Final = np.float32(0.01)


def knots_of(batches: Sequence[Shortlists], n: int) -> Floats:
    """Knots (n, KNOTS), ascending, of n candidates: quantiles of logit q over the shortlists that
    hold them. Who is in none has 0, 1, 2 …"""
    pairs = _pairs(batches)
    pairs.sort()
    start = np.searchsorted(pairs, np.arange(n + 1, dtype=np.uint64) << np.uint64(16))
    count = np.diff(start)
    part = (np.arange(KNOTS) + 0.5) / KNOTS
    at = start[:-1, None] + np.minimum(part * count[:, None], np.maximum(count - 1, 0)[:, None])
    knots = np.tile(np.arange(KNOTS, dtype=np.float32), (n, 1))
    some = count > 0
    code = pairs[at[some].astype(np.int64)] & np.uint64(_STEPS)
    knots[some] = code.astype(np.float32) * np.float32(2 * _REACH / _STEPS) - np.float32(_REACH)
    return _apart(knots)


def _pairs(batches: Sequence[Shortlists]) -> npt.NDArray[np.uint64]:
    """All of their keys (k,), in an array that is there once: they may be tens of millions."""
    ends = np.cumsum([0, *(np.count_nonzero(b.candidates != NOBODY) for b in batches)])
    pairs = np.empty(int(ends[-1]), np.uint64)
    for batch, start, end in zip(batches, ends[:-1], ends[1:], strict=True):
        pairs[start:end] = _keys(batch)
    return pairs


def _keys(batch: Shortlists) -> npt.NDArray[np.uint64]:
    """Pairs (k,) that sort by candidate, then by logit q in 16 bits (steps of 0.0005)."""
    there = batch.candidates != NOBODY
    x = np.clip(batch.logit_q[there].astype(np.float64), -_REACH, _REACH)
    code = np.rint((x + _REACH) * (_STEPS / (2 * _REACH))).astype(np.uint64)
    of_candidate = batch.candidates[there].astype(np.uint64) << np.uint64(16)
    return np.asarray(of_candidate | code, np.uint64)


def _apart(knots: Floats) -> Floats:
    """No two in one place, which a table could not tell apart."""
    step = _LEAST_GAP * np.arange(KNOTS, dtype=np.float32)
    return np.asarray(np.maximum.accumulate(knots - step, axis=1) + step, np.float32)
