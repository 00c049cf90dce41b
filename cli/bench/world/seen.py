"""Whom everybody has swiped before: as many as one likes, some of them tens of thousands."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cli.bench.world.population import Population
from training.assembly import lists_of

Ints = npt.NDArray[np.int64]
Ints32 = npt.NDArray[np.int32]

_MEAN: Final = 40.0
_SPREAD: Final = 1.2
_HEAVY_SHARE: Final = 1e-4
_HEAVY: Final = 50_000
_NEAR: Final = 20_000
_CHUNK: Final = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The person of row i swiped `ids[indptr[i]:indptr[i + 1]]`, ascending: indptr (n + 1,) and ids
    (m,) int64."""

    indptr: Ints
    ids: Ints

    def of(self, row: int) -> Ints:
        """The sorted ids (k,) of one row."""
        return self.ids[self.indptr[row] : self.indptr[row + 1]]

    def pairs(self, person_id: Ints) -> tuple[Ints32, Ints32]:
        """Rows (m,) of who swiped, and of whom, among the people of rows (n,)."""
        by_id = np.argsort(person_id, kind="stable")
        swiped = by_id[np.searchsorted(person_id, self.ids, sorter=by_id)].astype(np.int32)
        return np.repeat(np.arange(len(person_id), dtype=np.int32), np.diff(self.indptr)), swiped

    def passes(self, person_id: Ints) -> tuple[Ints, Ints32]:
        """Who has passed on the people of rows (n,), if all who swiped them have: indptr (n + 1,)
        and rows (m,) of the swipers, ascending by id."""
        swiper, swiped = self.pairs(person_id)
        return lists_of(swiped, swiper, person_id)


def draw_seen(population: Population, random: np.random.Generator) -> Seen:
    """Lists of about 40 people each, log-normal, and of up to 50,000 for one in 10,000.

    Neighbours in the table's order, of the genders that the viewer seeks: those whom retrieval
    would find again. Some 20 s and 800 MB for a million people.
    """
    n = len(population)
    person = population.person_id.astype(np.int32)
    counts, parts = np.zeros(n, np.int64), [np.empty(0, np.int32)]
    for start in range(0, n, _CHUNK):
        rows = np.arange(start, min(n, start + _CHUNK))
        pair = _pairs(population, person, rows, random)
        counts[rows] = np.bincount(pair // (n + 1), minlength=len(rows))
        parts.append((pair % (n + 1)).astype(np.int32))
    ids = np.empty(int(counts.sum()), np.int64)
    np.concatenate(parts, out=ids)
    return Seen(np.concatenate(([0], np.cumsum(counts))).astype(np.int64), ids)


def _pairs(
    population: Population,
    person: npt.NDArray[np.int32],
    rows: Ints,
    random: np.random.Generator,
) -> Ints:
    """Distinct pairs as (place of the viewer in `rows`) * (n + 1) + id, ascending."""
    n, table = len(population), population.table
    wanted = _wanted(len(rows), random)
    # Of twice as many about half are of a gender that is sought.
    viewer = np.repeat(np.arange(len(rows)), 2 * wanted)
    reach = np.maximum(_NEAR, 2 * wanted)
    width = np.minimum(n, 2 * reach + 1)
    low = np.clip(rows - reach, 0, n - width)
    other = low[viewer] + (random.random(len(viewer)) * width[viewer]).astype(np.int64)
    sought = (table["seeks"][rows][viewer] >> table["gender"][other]) & 1
    kept = (sought == 1) & (other != rows[viewer])
    return np.unique(viewer[kept] * (n + 1) + person[other[kept]])


def _wanted(count: int, random: np.random.Generator) -> Ints:
    """How many each of `count` people has swiped, (count,)."""
    drawn = random.lognormal(np.log(_MEAN) - _SPREAD**2 / 2, _SPREAD, count)
    heavy = random.random(count) < _HEAVY_SHARE
    return np.where(heavy, _HEAVY, np.minimum(drawn, _HEAVY)).astype(np.int64)
