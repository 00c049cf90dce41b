"""What a deck of each viewer has to look at: known beforehand, so that its floor can be taken."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cli.bench.world.population import Population
from cli.bench.world.seen import Seen
from features.disk_cells import CellTable
from features.eligibility import Candidates, eligible, viewer_of
from features.release import Release
from features.score import Sides, query_vectors

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

RETRIEVED: Final = 200


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Of one viewer: `rows` (m,) int64 of the release, ascending: everybody eligible and unseen;
    their `vectors` (m, w) float32, contiguous; the `query` (w,) float32; `best`: the ids (k,) of
    the 200 best."""

    viewer: int
    rows: Ints
    vectors: Floats
    query: Floats
    best: Ints


def asked_of(
    population: Population, seen: Seen, release: Release, viewers: Ints
) -> Iterator[Asked]:
    """Of the viewers in rows (v,) of the population, which are those of its release too."""
    candidates = Candidates.of(population.table)
    cells = CellTable.of(population.cell, candidates.x, candidates.y, candidates.z)
    vectors = np.asarray(release.arrays.candidate_vectors)
    for row, query in zip(viewers.tolist(), _queries(release, viewers), strict=True):
        rows = _eligible_rows(population, candidates, cells, row)
        rows = rows[~np.isin(candidates.person_id[rows], seen.of(row), assume_unique=True)]
        own = vectors[rows]
        best = candidates.person_id[rows[best_of(own @ query)]]
        yield Asked(int(candidates.person_id[row]), rows, own, query, best)


def best_of(scores: Floats) -> Ints:
    """The places of the 200 highest of scores (m,), highest first; of all where there are fewer."""
    if len(scores) > RETRIEVED:
        places = np.argpartition(scores, len(scores) - RETRIEVED)[-RETRIEVED:]
        return np.asarray(places[np.argsort(-scores[places])], np.int64)
    return np.asarray(np.argsort(-scores), np.int64)


def _eligible_rows(
    population: Population, candidates: Candidates, cells: CellTable, row: int
) -> Ints:
    viewer = viewer_of(population.table, row)
    xyz = np.array((viewer.x, viewer.y, viewer.z))
    near = [np.arange(*each) for each in cells.rows_near(xyz, viewer.max_distance_km)]
    rows = np.concatenate([np.empty(0, np.int64), *near])
    return rows[eligible(viewer, candidates.take(rows), population.today)]


def _queries(release: Release, rows: Ints) -> Floats:
    """The viewers' vectors (v, w), as the release has them: nobody has swiped since."""
    a = release.arrays
    sides = Sides.of(
        a.taste[rows],
        a.appeal[rows],
        a.given_rate[rows],
        a.received_rate[rows],
        a.line[rows],
        a.columns["gender"][rows],
        release.manifest.calibration,
    )
    return query_vectors(sides)
