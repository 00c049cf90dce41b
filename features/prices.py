"""Prices of exposure: what one more exposure of a candidate to a viewer costs everybody else.

A candidate reads the likes they are sent one after the other, and not all of them. A like that
comes on top pushes others down, so exposing somebody crowded costs matches of others: the marginal
congestion cost. And a like is worth less to whoever gets many. The price depends on where the
viewer would come among those likes, so a candidate has a small table of prices over
P(candidate likes viewer). How they are found: training.market.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

KNOTS: Final = 8
"""Prices that a candidate has."""
LEAST_EXPOSURE: Final = 0.25
MOST_EXPOSURE: Final = 4.0
USUAL_EXPOSURE: Final = 1.0
"""A person's dial, how much exposure is enough for them: with 2, twice as many likes are no
more of a crowd, and cost others no more."""
_NO_GAP: Final = np.float32(1e-6)
MOST_STRENGTH: Final = 10.0
"""Prices that count more would leave nothing of expected matches in any order."""


class StrengthRefused(ValueError):
    """Prices cannot count less than not at all, nor without measure."""


def require_strength(strength: float) -> None:
    """The operator's dial, how strongly prices count: 0 not at all, 1 as they are found.

    Raises StrengthRefused.
    """
    # NaN is within no limits.
    if not 0.0 <= strength <= MOST_STRENGTH:
        raise StrengthRefused(
            f"prices count {strength:g} times: not a number from 0 to {MOST_STRENGTH:g}"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """Price tables of n candidates.

    knots (n, KNOTS) float32, ascending: logits of P(candidate likes viewer), the middles of equal
    parts of those who may be shown the candidate; nats (n, KNOTS) float32 >= 0: what is taken off
    the log of the expected match there.
    """

    knots: Floats
    nats: Floats

    @classmethod
    def free(cls, n: int) -> Self:
        """Nobody costs anything."""
        knots = np.tile(np.arange(KNOTS, dtype=np.float32), (n, 1))
        return cls(knots, np.zeros((n, KNOTS), np.float32))

    def __len__(self) -> int:
        return len(self.knots)

    def rounded(self) -> Self:
        """As a release keeps them, in half precision: the scores of impressions have no more."""
        knots, nats = (
            each.astype(np.float16).astype(np.float32) for each in (self.knots, self.nats)
        )
        return type(self)(knots, nats)

    def take(self, rows: npt.NDArray[np.integer] | Sequence[int]) -> Self:
        """Those of the given rows, in that order."""
        at = np.asarray(rows, np.int64)
        return type(self)(self.knots.take(at, axis=0), self.nats.take(at, axis=0))

    def at(self, logits: Floats) -> Floats:
        """Prices (n,) where viewer i is liked by candidate i with these logits (n,): between two
        knots in a straight line, beyond the outermost as there."""
        # Step by step from the lowest: quicker for some hundred candidates than to look for the
        # two knots of each.
        low = self.knots[:, :-1]
        share = logits[:, None] - low
        share /= np.maximum(self.knots[:, 1:] - low, _NO_GAP)
        np.maximum(share, 0.0, out=share)
        np.minimum(share, 1.0, out=share)
        steps = self.nats[:, 1:] - self.nats[:, :-1]
        return np.asarray(self.nats[:, 0] + np.vecdot(share, steps), np.float32)

    def uppermost(self) -> Floats:
        """Of each candidate (n,), to the viewers whom they like best: the one number that stands
        for the table in an inner product, since whoever is among a viewer's best likes them."""
        return np.asarray(self.nats[:, -1], np.float32)

    def mean(self) -> Floats:
        """Of each candidate (n,), over those who may be shown them: the knots stand for equal
        parts."""
        return np.asarray(self.nats.mean(axis=1), np.float32)
