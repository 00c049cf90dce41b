"""A person's taste from their latest swipes: one ridge solve.

What the rates alone say of a swipe is p = s(offset), where

    offset = intercept + w_given logit(given rate of the history) + w_received logit(received rate).

The taste is what the swipes say beyond that, and beyond the taste expected of such a person: the
Newton step of the penalised logistic likelihood from the prior taste m,

    taste = m + (sum w p (1 - p) y y^T + regularisation I)^-1 sum w (liked - p) y,

where y are the appeals, p = s(offset + m.y) and w is above 1 for superlikes. An intercept of the
person is solved for beside the taste and dropped: whoever was shown attractive people has not
thereby a taste. So a pass on somebody
whom few like, or by somebody who likes few, says little. Appeals are scaled so that tastes vary by
1 (training/factors.py). Training, stream and activation call this, so one history has one taste.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.behaviour import Prior, logit, smoothed_rate

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
    """What rates alone predict of a like, the weight of a superlike, the ridge."""

    intercept: float
    w_given: float
    w_received: float
    superlike_weight: float
    regularisation: float


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

    def latest(self, limit: int) -> "Histories":
        """The last `limit` swipes of each person."""
        return self.where(
            np.arange(len(self.rows)) >= np.repeat(self.indptr[1:], self.counts) - limit
        )

    def where(self, kept: npt.NDArray[np.bool_]) -> "Histories":
        """Only the swipes (m,) that are kept."""
        before = np.concatenate(([0], np.cumsum(kept))).astype(np.int64)
        return Histories(before[self.indptr], self.rows[kept], self.actions[kept])

    def of(self, people: Ints) -> "Histories":
        """Those of some of the people (q,), in that order."""
        counts = self.counts[people]
        indptr = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        at = np.arange(indptr[-1]) + np.repeat(self.indptr[people] - indptr[:-1], counts)
        return Histories(indptr, self.rows[at], self.actions[at])

    @property
    def counts(self) -> Ints:
        """Swipes of each person (p,)."""
        return np.diff(self.indptr)


@dataclass(frozen=True, slots=True, eq=False)
class FoldIn:
    """All that a fold-in reads of n candidates: appeals (n, d), logits of received rates (n,)."""

    appeal: Floats32
    received_logit: Floats32
    given_prior: Prior
    parameters: FoldInParameters

    def tastes(self, histories: Histories, prior: Floats32) -> Floats32:
        """Tastes (p, d) float32 of p people with prior tastes (p, d); about 40 µs a person.

        The latest HISTORY_LIMIT swipes count. Without any, the taste is the prior.
        """
        histories = histories.latest(HISTORY_LIMIT)
        liked = (histories.actions == LIKE) | (histories.actions == SUPERLIKE)
        offset = self._offsets(histories, liked)
        tastes = np.array(prior, np.float32)
        for start in range(0, len(histories), _CHUNK):
            stop = min(len(histories), start + _CHUNK)
            left, right = self._systems(histories, liked, offset, prior, start, stop)
            tastes[start:stop] += np.linalg.solve(left, right[:, :, None])[:, 1:, 0]
        return tastes

    def _offsets(self, histories: Histories, liked: npt.NDArray[np.bool_]) -> Floats64:
        """Logits (m,) of the swipes by rates alone."""
        likes_before = np.concatenate(([0], np.cumsum(liked)))
        likes = np.diff(likes_before[histories.indptr])
        given = logit(smoothed_rate(likes, histories.counts, self.given_prior))
        w = self.parameters
        of_person = w.intercept + w.w_given * given.astype(np.float64)
        received = self.received_logit[histories.rows].astype(np.float64)
        return np.asarray(np.repeat(of_person, histories.counts) + w.w_received * received)

    def _systems(
        self,
        histories: Histories,
        liked: npt.NDArray[np.bool_],
        offset: Floats64,
        prior: Floats32,
        start: int,
        stop: int,
    ) -> tuple[Floats64, Floats64]:
        """Normal equations of some people, intercept first: (k, d + 1, d + 1) and (k, d + 1)."""
        d = self.appeal.shape[1] + 1
        left = np.tile(self.parameters.regularisation * np.eye(d), (stop - start, 1, 1))
        right = np.zeros((stop - start, d))
        heavier = self.parameters.superlike_weight
        for i in range(start, stop):
            span = slice(histories.indptr[i], histories.indptr[i + 1])
            if span.start == span.stop:
                continue
            y = np.ones((span.stop - span.start, d))
            y[:, 1:] = self.appeal[histories.rows[span]]
            p = 1.0 / (1.0 + np.exp(-(offset[span] + y[:, 1:] @ prior[i])))
            w = np.where(histories.actions[span] == SUPERLIKE, heavier, 1.0)
            left[i - start] += y.T @ ((w * p * (1.0 - p))[:, None] * y)
            right[i - start] = (w * (liked[span] - p)) @ y
        return left, right
