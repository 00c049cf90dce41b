"""The final score of any pair, by DESIGN §3's formula, from a release's own tables."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """One row a person of the check's world; tables already in the world's order.

    `k`, `w_given`, `w_received` and `intercept` are those of each person's gender as viewer; (n,).
    """

    taste: NDArray[np.float32]
    appeal: NDArray[np.float32]
    given_logit: Floats
    received_logit: Floats
    k: Floats
    w_given: Floats
    w_received: Floats
    intercept: Floats

    def final(self, row: int, rows: NDArray[np.int64]) -> Floats:
        """log P(u likes v) + log P(v likes u) for u in `row` and each v of `rows`; (len(rows),)."""
        there = (
            self.k[row] * (self.appeal[rows] @ self.taste[row])
            + self.w_given[row] * self.given_logit[row]
            + self.w_received[row] * self.received_logit[rows]
            + self.intercept[row]
        )
        back = (
            self.k[rows] * (self.taste[rows] @ self.appeal[row])
            + self.w_given[rows] * self.given_logit[rows]
            + self.w_received[rows] * self.received_logit[row]
            + self.intercept[rows]
        )
        result: Floats = -np.logaddexp(0, -there) - np.logaddexp(0, -back)
        return result
