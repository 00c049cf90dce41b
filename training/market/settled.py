"""Pairs that decks have done with: who was seen already, and who has told what they think."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from features.likers import selective
from features.score import Sides
from training.datasets import Swipes

Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.signedinteger]


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """m swipes among people of rows. Whoever swiped somebody is not shown them again. Where `told`
    (m,), the `swiped` (m,) need not guess about the `swiper` (m,) either: who has passed comes last
    in their decks, who likes them comes first."""

    swiper: Rows
    swiped: Rows
    told: Bools

    @classmethod
    def of(cls, swipes: Swipes, people: Sides) -> Self:
        """By all swipes so far of people (n,): likes of who likes nearly all tell nothing."""
        told = ~swipes.liked | selective(people)[swipes.viewer]
        return cls(swipes.viewer, swipes.candidate, told)

    def of_viewers(self, asked: Bools) -> "LeftOut":
        """Whom each of the people asked, of everybody (n,), is not shown by a guess."""
        own, others = asked[self.swiper], asked[self.swiped] & self.told
        viewer = np.concatenate((self.swiper[own], self.swiped[others]))
        candidate = np.concatenate((self.swiped[own], self.swiper[others]))
        counts = np.bincount(viewer, minlength=len(asked))
        indptr = np.concatenate(([0], np.cumsum(counts)))
        return LeftOut(indptr, candidate[np.argsort(viewer, kind="stable")])


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """The viewer of row i is not shown `rows[indptr[i]:indptr[i + 1]]`, in no order: indptr
    (n + 1,)."""

    indptr: npt.NDArray[np.int64]
    rows: Rows

    def among(self, viewer: int, rows: npt.NDArray[np.int64]) -> Bools:
        """Whom of ascending rows (k,) one viewer is not shown."""
        out = self.rows[self.indptr[viewer] : self.indptr[viewer + 1]]
        found = np.zeros(len(rows), np.bool_)
        if len(rows):
            at = np.minimum(np.searchsorted(rows, out), len(rows) - 1)
            found[at[rows[at] == out]] = True
        return found
