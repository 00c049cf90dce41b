"""Whom viewers would be shown: the best candidates of each, and how deep they look into them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

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

    def log_match(self) -> Floats32:
        """Log of the expected match (b, m); minus infinity where there is nobody."""
        score = self.log_p.astype(np.float32) + log_sigmoid(self.logit_q)
        return np.asarray(np.where(self.candidates == NOBODY, -np.inf, score), np.float32)


def by_position(examination: npt.ArrayLike) -> Looks:
    """Position k is looked at in proportion to its examination (positions,), beyond them never."""
    v = np.asarray(examination, np.float64)

    def looks(exposures: Floats32, m: int) -> Floats32:
        padded = np.pad(v, (0, max(0, m - len(v))))[:m]
        return np.asarray(exposures[:, None] * (padded / v.sum()), np.float32)

    return looks


def day_by_day(exposures: Floats32, m: int) -> Floats32:
    """How many cards somebody looks at varies from day to day: geometrically, with their mean.

    So position k is reached with probability (e / (1 + e))^(k + 1), and all positions sum to e.
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
