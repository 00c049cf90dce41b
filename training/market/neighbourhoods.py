"""Shortlists of everybody from their factors: blocks of the table against who lives around them.

People of a block are neighbours (the table is in H3 order), so those of one kind (gender, whom they
seek, how far they look) share one list of people who may come into question. Where these are very
many, a random part of them stands for all, and so does a part of the viewers: each pair then stands
for several. Who is eligible and not settled yet is kept as bits, so that shortlists by other prices
cost products only.
"""

from collections.abc import Iterator, Sequence
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
from features.ranker import Network, heads_of
from features.score import Sides, candidate_vectors, log_sigmoid, query_vectors
from training.market.samples import Sample
from training.market.settled import LeftOut, Settled
from training.market.shortlists import NOBODY, Shortlists
from training.snapshot import People

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_BLOCK: Final = 1024
_MOST: Final = 8192
_LIVE_AROUND: Final = 32_768
_KIND: Final = ["gender", "seeks", "max_distance_km"]


@dataclass(frozen=True, slots=True, eq=False)
class _Kind:
    """viewers (b,) of a block who are of one kind; of whom they could be shown a sample (k,), and
    of those may (b, k) who is eligible, packed to bits."""

    viewers: Ints
    sample: Sample
    may: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Neighbourhoods:
    """Who may be shown to a part of the viewers, block by block; `stands_for`: each viewer for so
    many."""

    blocks: Sequence[Sequence[_Kind]]
    stands_for: float

    @classmethod
    def of(
        cls,
        people: People,
        settled: Settled,
        exposures: Floats,
        most: int,
        today: int,
        rng: np.random.Generator,
    ) -> Self:
        """Of those who look at any cards (n,), at most about `most` of them."""
        looking = exposures > 0.0
        share = min(1.0, most / max(1, int(looking.sum())))
        among = looking & (rng.random(len(looking)) < share)
        around = _Around.of(people, settled.of_viewers(among))
        asked = np.flatnonzero(among)
        starts = range(0, len(asked), _BLOCK)
        blocks = [around.kinds(asked[start : start + _BLOCK], today, rng) for start in starts]
        return cls(blocks, 1.0 / share)

    def shortlists(
        self, sides: Sides, ranker: Network, mean_price: Floats, exposures: Floats, length: int
    ) -> Iterator[Shortlists]:
        """The `length` best of each viewer by the match less the mean price (n,) of a candidate:
        the retrieval's one inner product, then the ranker's own probabilities. A batch a block."""
        for block in self.blocks:
            best = np.concatenate([_best(each, sides, mean_price, length) for each in block])
            viewers = np.concatenate([each.viewers for each in block])
            share = np.concatenate([np.full(len(k.viewers), k.sample.share) for k in block])
            log_p, logit_q = _likes(viewers, best, sides, ranker)
            looked = (exposures[viewers] * share).astype(np.float32)
            stands_for = (self.stands_for / share).astype(np.float32)
            yield Shortlists(best, log_p, logit_q, looked, stands_for)


def _best(kind: _Kind, sides: Sides, mean_price: Floats, length: int) -> npt.NDArray[np.int32]:
    """Rows (b, length) of the best whom each viewer may be shown."""
    rows = kind.sample.rows
    index = candidate_vectors(sides.take(rows), mean_price[rows])
    scores = query_vectors(sides.take(kind.viewers)) @ index.T
    may = np.unpackbits(kind.may, axis=1, count=len(rows)).view(np.bool_)
    best = np.full((len(scores), length), NOBODY, np.int32)
    for of_viewer, score, allowed in zip(best, scores, may, strict=True):
        # Few may be shown of many who live around: a partition of whole rows would take longest.
        found = np.flatnonzero(allowed)
        found = found[np.isfinite(score[found])]
        if len(found) > length:
            found = found[np.argpartition(score[found], -length)[-length:]]
        of_viewer[: len(found)] = rows[found]
    return best


def _likes(
    viewers: Ints, best: npt.NDArray[np.int32], sides: Sides, ranker: Network
) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.float16]]:
    """log P of the viewer's like and logit P of the candidate's (b, m), by the ranker."""
    log_p, logit_q = np.zeros(best.shape, np.float16), np.zeros(best.shape, np.float16)
    viewer, place = np.nonzero(best != NOBODY)
    if len(viewer):
        one, other = sides.take(viewers[viewer]), sides.take(best[viewer, place])
        heads = heads_of(ranker, one, other)
        log_p[viewer, place] = log_sigmoid(heads.there)
        logit_q[viewer, place] = heads.back
    return log_p, logit_q


@dataclass(frozen=True, slots=True, eq=False)
class _Around:
    """The table as it is searched."""

    table: npt.NDArray[np.void]
    columns: Candidates
    cells: CellTable
    left_out: LeftOut

    @classmethod
    def of(cls, people: People, left_out: LeftOut) -> Self:
        columns = Candidates.of(people.table)
        cells = CellTable.of(people.cell, columns.x, columns.y, columns.z)
        return cls(people.table, columns, cells, left_out)

    def kinds(self, viewers: Ints, today: int, rng: np.random.Generator) -> list[_Kind]:
        """Of the viewers (b,) of a block, those who could be shown anybody."""
        _, kind = np.unique(self.table[viewers][_KIND], return_inverse=True)
        of_kinds = [viewers[kind == each] for each in range(int(kind.max()) + 1)]
        return [self._kind(each, today, rng) for each in of_kinds]

    def _kind(self, viewers: Ints, today: int, rng: np.random.Generator) -> _Kind:
        sample = self._sample(viewers, rng)
        columns = self.columns.take(sample.rows)
        may = [
            eligible(viewer_of(self.table, row), columns, today)
            & ~self.left_out.among(row, sample.rows)
            for row in viewers.tolist()
        ]
        return _Kind(viewers, sample, np.packbits(np.stack(may), axis=1))

    def _sample(self, viewers: Ints, rng: np.random.Generator) -> Sample:
        """Of those of the sought genders who live as near as one of the viewers looks."""
        first = viewer_of(self.table, int(viewers[0]))
        xyz = np.stack([self.table[axis][viewers] for axis in "xyz"], axis=1)
        centre = xyz.mean(axis=0)
        chord = float(np.sqrt(np.sum((xyz - centre) ** 2, axis=1)).max())
        # A chord is shorter than its arc: by less than a tenth up to 5,000 km.
        km = first.max_distance_km + 1.1 * chord * EARTH_RADIUS_KM
        living = Sample.of(self.cells.rows_near(centre, km), _LIVE_AROUND, rng)
        columns, rows = self.columns, living.rows
        match = genders_match(first, columns.gender[rows], columns.seeks[rows])
        return living.only(match & columns.visible[rows]).at_most(_MOST, rng)
