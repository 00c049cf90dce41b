"""A person's taste from their latest swipes: the exact user step of implicit ALS.

With appeals y, swipes i of confidence c and preference p (1 like, 0 pass), every other person
counting as a pass of confidence 1, the taste minimises

    sum_i c (p - x.y)^2  +  sum_others (x.y)^2  +  regularisation |x|^2,

that is x = (gram + sum_i (c - 1) y y^T + regularisation I)^-1 sum_i c p y (Hu, Koren and Volinsky
2008). Training, stream and activation call this one function, so one history has one taste.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats32 = npt.NDArray[np.float32]
Floats64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LIKE: Final = 1
PASS: Final = 2
SUPERLIKE: Final = 3

HISTORY_LIMIT: Final = 256
"""The latest swipes of a person that a fold-in looks at."""

_CHUNK: Final = 4096


@dataclass(frozen=True, slots=True)
class FoldInParameters:
    """Confidences of the observed swipes, and the ridge."""

    like_confidence: float
    superlike_confidence: float
    pass_confidence: float
    regularisation: float

    def confidences(self) -> Floats64:
        """Confidence by action number (4,); an unspecified action has none beyond the unseen."""
        return np.array(
            [1.0, self.like_confidence, self.pass_confidence, self.superlike_confidence], np.float64
        )


@dataclass(frozen=True, slots=True)
class Histories:
    """Swipes of p people, oldest first: person i made rows[indptr[i]:indptr[i + 1]].

    `rows` (m,) int64 are rows of the appeal table, `actions` (m,) uint8 the action numbers.
    """

    indptr: Ints
    rows: Ints
    actions: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.indptr) - 1


def gram_of(appeal: Floats32) -> Floats64:
    """appeal^T appeal (d, d) float64 of appeals (n, d)."""
    dense = np.asarray(appeal, np.float64)
    return np.asarray(dense.T @ dense, np.float64)


def fold_in(
    appeal_rows: Floats32,
    actions: npt.NDArray[np.uint8],
    gram: Floats64,
    parameters: FoldInParameters,
) -> Floats32:
    """Taste (d,) of one person who swiped on appeals (m, d), oldest first; zeros for no likes."""
    rows = np.arange(len(appeal_rows), dtype=np.int64)
    one = Histories(np.array([0, len(rows)], np.int64), rows, np.asarray(actions, np.uint8))
    return np.asarray(fold_in_many(appeal_rows, one, gram, parameters)[0], np.float32)


def fold_in_many(
    appeal: Floats32, histories: Histories, gram: Floats64, parameters: FoldInParameters
) -> Floats32:
    """Tastes (p, d) float32 of p people over appeals (n, d); about 40 µs a person at d = 32."""
    p, d = len(histories), gram.shape[0]
    tastes = np.zeros((p, d), np.float32)
    for start in range(0, p, _CHUNK):
        stop = min(p, start + _CHUNK)
        left, right = _systems(appeal, histories, start, stop, gram, parameters)
        tastes[start:stop] = np.linalg.solve(left, right[:, :, None])[:, :, 0]
    return tastes


def _systems(
    appeal: Floats32,
    histories: Histories,
    start: int,
    stop: int,
    gram: Floats64,
    parameters: FoldInParameters,
) -> tuple[Floats64, Floats64]:
    """Normal equations (stop - start, d, d) and (stop - start, d) of some people."""
    d = gram.shape[0]
    confidences = parameters.confidences()
    left = np.tile(gram + parameters.regularisation * np.eye(d), (stop - start, 1, 1))
    right = np.zeros((stop - start, d))
    for i in range(start, stop):
        end = histories.indptr[i + 1]
        begin = max(histories.indptr[i], end - HISTORY_LIMIT)
        if begin == end:
            continue
        actions = histories.actions[begin:end]
        y = appeal[histories.rows[begin:end]].astype(np.float64)
        c = confidences[actions]
        left[i - start] += y.T @ ((c - 1.0)[:, None] * y)
        liked = (actions == LIKE) | (actions == SUPERLIKE)
        right[i - start] = (c * liked) @ y
    return left, right
