"""Whom viewers would be shown: the best candidates of each, and how deep they look into them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from features.prices import Prices
from features.score import log_sigmoid

Floats = npt.NDArray[np.floating]
Floats32 = npt.NDArray[np.float32]

_LEAST: Final = 1e-6
NOBODY: Final = -1

Looks = Callable[[Floats32, int], Floats32]
"""How often a day each of so many positions is looked at (b, m), of viewers who look at so many
cards a day (b,)."""


@dataclass(frozen=True, slots=True, eq=False)
class Shortlists:
    """b viewers with m candidates each, in no order.

    candidates (b, m) int32 rows, `NOBODY` where there is none; log_p (b, m): log of P(viewer likes
    candidate); logit_q (b, m): logit of P(candidate likes viewer); exposures (b,) float32: cards
    that the viewer looks at in a day; stands_for (b,) float32: so many such viewers there are.
    """

    candidates: npt.NDArray[np.int32]
    log_p: Floats
    logit_q: Floats
    exposures: Floats32
    stands_for: Floats32

    @classmethod
    def of(
        cls, candidates: npt.ArrayLike, p: npt.ArrayLike, q: npt.ArrayLike, exposures: npt.ArrayLike
    ) -> Self:
        """From probabilities p, q (b, m) of both likes, 0 and 1 included, and cards a day (b,)."""
        rows = np.asarray(candidates, np.int32)
        there, back = (np.clip(np.asarray(x, np.float64), _LEAST, 1 - _LEAST) for x in (p, q))
        logit_q = np.log(back) - np.log1p(-back)
        looked = np.asarray(exposures, np.float32)
        return cls(
            rows,
            np.log(there).astype(np.float32),
            logit_q.astype(np.float32),
            looked,
            np.ones_like(looked),
        )

    @classmethod
    def dense(cls, p: npt.ArrayLike, q: npt.ArrayLike, exposures: float, first: int = 0) -> Self:
        """Everybody may be shown everybody of the other side, whose rows start at `first`: p, q
        (b, m) of both likes, all look at as many cards a day."""
        there = np.asarray(p)
        b, m = there.shape
        rows = np.broadcast_to(np.arange(first, first + m, dtype=np.int32), (b, m))
        return cls.of(rows, there, q, np.full(b, exposures))

    def with_more(self, more: "Shortlists") -> "Shortlists":
        """The same viewers, with the candidates of `more` of whom they had not been told."""
        known = (more.candidates[:, :, None] == self.candidates[:, None, :]).any(axis=2)
        new = np.where(known, np.int32(NOBODY), more.candidates)
        return replace(
            self,
            candidates=np.concatenate((self.candidates, new), axis=1),
            log_p=np.concatenate((self.log_p, more.log_p), axis=1),
            logit_q=np.concatenate((self.logit_q, more.logit_q), axis=1),
        )

    def log_match(self) -> Floats32:
        """Log of the expected match (b, m); minus infinity where there is nobody."""
        score = self.log_p.astype(np.float32) + log_sigmoid(self.logit_q)
        return np.asarray(np.where(self.candidates == NOBODY, -np.inf, score), np.float32)

    def scores(self, prices: Prices) -> Floats32:
        """By which decks are ordered (b, m): log of the expected match less the price."""
        of = np.maximum(self.candidates.ravel(), 0)
        charged = prices.take(of).at(self.logit_q.ravel().astype(np.float32))
        return np.asarray(self.log_match() - charged.reshape(self.candidates.shape), np.float32)


def by_position(examination: npt.ArrayLike) -> Looks:
    """Position k is looked at in proportion to its examination (positions,), beyond them never: all
    that somebody looks at is spread over the positions that there are."""
    v = np.asarray(examination, np.float64)

    def looks(exposures: Floats32, m: int) -> Floats32:
        of_list = np.pad(v, (0, max(0, m - len(v))))[:m]
        return np.asarray(exposures[:, None] * (of_list / of_list.sum()), np.float32)

    return looks


def day_by_day(exposures: Floats32, m: int) -> Floats32:
    """How many cards somebody looks at varies from day to day: geometrically, with their mean.

    So position k is reached with probability (e / (1 + e))^(k + 1), and all positions sum to e.
    What falls beyond the list is looked at nowhere.
    """
    reached = (exposures / (1.0 + exposures))[:, None]
    return np.asarray(reached ** np.arange(1, m + 1, dtype=np.float32), np.float32)


def exposed(score: Floats32, looked_at: Floats32) -> Floats32:
    """How often a day candidates (b, m) are looked at where the deck is ordered by score (b, m),
    and its positions are looked at (b, m) so often. Nobody has no place."""
    order = np.argsort(-score, axis=1)
    rates = np.empty_like(looked_at)
    np.put_along_axis(rates, order, looked_at, axis=1)
    rates[np.isneginf(score)] = 0.0
    return rates
