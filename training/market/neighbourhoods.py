"""Shortlists of everybody from their factors: blocks of the table against who lives around them.

People of a block are neighbours (the table is in H3 order), so those of one kind (gender, whom they
seek, how far they look) share one list of people who may come into question. Where these are very
many, a random part of them stands for all, and each pair then for several.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from features.disk_cells import CellTable
from features.eligibility import (
    EARTH_RADIUS_KM,
    Candidates,
    eligible,
    genders_match,
    viewer_of,
)
from features.prices import Prices
from features.ranker import Network, heads_of
from features.score import Sides, candidate_vectors, log_sigmoid, query_vectors
from training.market.shortlists import NOBODY, Shortlists
from training.snapshot import People

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

LENGTH: Final = 48
"""Candidates of a shortlist."""
_BLOCK: Final = 1024
_MOST: Final = 8192
_KIND: Final = ["gender", "seeks", "max_distance_km"]


def shortlists(
    people: People,
    sides: Sides,
    ranker: Network,
    prices: Prices,
    exposures: Floats,
    today: int,
    rng: np.random.Generator,
) -> Iterator[Shortlists]:
    """Shortlists of who looks at any cards (n,), by the match less the price (n) of a candidate:
    the retrieval's one inner product, then the ranker's own probabilities."""
    everybody = _Everybody.of(people, sides, prices)
    for start in range(0, len(people), _BLOCK):
        rows = np.arange(start, min(len(people), start + _BLOCK))
        rows = rows[exposures[rows] > 0.0]
        _, kind = np.unique(people.table[rows][_KIND], return_inverse=True)
        found = [
            everybody.shortlist(rows[kind == each], exposures, ranker, today, rng)
            for each in range(int(kind.max(initial=-1)) + 1)
        ]
        if found:
            yield _joined(found)


@dataclass(frozen=True, slots=True, eq=False)
class _Everybody:
    """What retrieval reads: queries and index (n, 2d + 3), the latter less the prices."""

    table: npt.NDArray[np.void]
    columns: Candidates
    cells: CellTable
    sides: Sides
    queries: Floats
    index: Floats

    @classmethod
    def of(cls, people: People, sides: Sides, prices: Prices) -> Self:
        columns = Candidates.of(people.table)
        cells = CellTable.of(people.cell, columns.x, columns.y, columns.z)
        index = candidate_vectors(sides, prices)
        return cls(people.table, columns, cells, sides, query_vectors(sides), index)

    def shortlist(
        self,
        viewers: Ints,
        exposures: Floats,
        ranker: Network,
        today: int,
        rng: np.random.Generator,
    ) -> Shortlists:
        """Of viewers (b,) of one kind."""
        around = self._around(viewers)
        sample = around
        if len(around) > _MOST:
            sample = np.sort(rng.choice(around, _MOST, replace=False))
        best = self._best(viewers, sample, today)
        share = np.float32(len(sample) / max(1, len(around)))
        viewer, place = np.nonzero(best != NOBODY)
        log_p = np.zeros(best.shape, np.float16)
        logit_q = np.zeros(best.shape, np.float16)
        if len(viewer):
            one = self.sides.take(viewers[viewer])
            heads = heads_of(ranker, one, self.sides.take(best[viewer, place]))
            log_p[viewer, place] = log_sigmoid(heads.there)
            logit_q[viewer, place] = heads.back
        looked = exposures[viewers] * share
        return Shortlists(best, log_p, logit_q, looked, np.full_like(looked, 1.0 / share))

    def _around(self, viewers: Ints) -> Ints:
        """Rows of those of the sought genders who live as near as one of the viewers looks."""
        first = viewer_of(self.table, int(viewers[0]))
        xyz = np.stack([self.table[axis][viewers] for axis in "xyz"], axis=1)
        centre = xyz.mean(axis=0)
        chord = float(np.sqrt(np.sum((xyz - centre) ** 2, axis=1)).max())
        # A chord is shorter than its arc, by little over a block.
        km = first.max_distance_km + 1.1 * chord * EARTH_RADIUS_KM
        ranges = self.cells.rows_near(centre, km)
        rows = np.concatenate([np.empty(0, np.int64), *(np.arange(*each) for each in ranges)])
        match = genders_match(first, self.columns.gender[rows], self.columns.seeks[rows])
        return np.asarray(rows[match & self.columns.visible[rows]], np.int64)

    def _best(self, viewers: Ints, sample: Ints, today: int) -> npt.NDArray[np.int32]:
        """The best (b, LENGTH) of a sample whom each viewer may be shown."""
        best = np.full((len(viewers), LENGTH), NOBODY, np.int32)
        columns = self.columns.take(sample)
        scores = self.queries[viewers] @ self.index[sample].T
        for i, row in enumerate(viewers.tolist()):
            may = np.flatnonzero(eligible(viewer_of(self.table, row), columns, today))
            if len(may) > LENGTH:
                top = np.argpartition(scores[i, may], len(may) - LENGTH)[-LENGTH:]
                may = may[top]
            best[i, : len(may)] = sample[may]
        return best


def _joined(parts: list[Shortlists]) -> Shortlists:
    names = Shortlists.__dataclass_fields__
    return Shortlists(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))
