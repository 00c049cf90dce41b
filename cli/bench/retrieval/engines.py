"""The engines beside serving's own: FAISS with the eligible selected, FAISS without, and the filter
applied to what FAISS found. They answer as serving's `CandidateIndex` does."""

from dataclasses import dataclass
from typing import Any, Final, Protocol

import faiss
import numpy as np
import numpy.typing as npt

from cli.bench.retrieval.lists import InvertedLists
from features.disk_cells import CellTable
from features.eligibility import Candidates, eligible
from features.release import Release
from serving.index import Query, Retrieved
from serving.people import Persons

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

FIRST_FETCH: Final = 1_000
MOST_FETCHED: Final = 16_000


class Engine(Protocol):
    """Of `CandidateIndex` what is measured here."""

    def search(self, query: Query) -> Retrieved:
        """The k best of the eligible, or what it takes for them."""
        ...


class Table:
    """A release's people as columns, and whom of them a viewer may see."""

    def __init__(self, release: Release) -> None:
        self.candidates = Candidates.of(release.arrays.columns)
        c = self.candidates
        self._cells = CellTable.of(np.asarray(release.arrays.cell), c.x, c.y, c.z)

    def __len__(self) -> int:
        return len(self.candidates)

    def eligible(self, query: Query) -> Ints:
        """Rows (m,), ascending."""
        viewer = query.viewer
        xyz = np.array((viewer.x, viewer.y, viewer.z))
        found = [np.empty(0, np.int64)]
        for start, stop in self._cells.rows_near(xyz, viewer.max_distance_km):
            mask = eligible(viewer, self.candidates.rows(start, stop), query.today)
            found.append(np.flatnonzero(mask) + start)
        return np.concatenate(found)

    def retrieved(self, rows: Ints, scores: Floats, *, complete: bool = False) -> Retrieved:
        """The people of rows (m,), best first, with their scores (m,)."""
        c = self.candidates
        persons = Persons(c.person_id[rows], rows, c.gender[rows], c.birth_day[rows])
        return Retrieved(persons, scores, complete)


@dataclass(frozen=True, slots=True)
class FaissAlone:
    """The best of everybody, whoever may see whom: what an index without constraints gives."""

    table: Table
    index: Any

    @classmethod
    def of(cls, table: Table, vectors: Floats) -> "FaissAlone":
        """An index of vectors (n, width), uncompressed."""
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(vectors)
        return cls(table, index)

    def search(self, query: Query) -> Retrieved:
        """The k best of all."""
        scores, rows = self.index.search(query.vector[None], min(query.k, len(self.table)))
        return self.table.retrieved(rows[0], scores[0])


@dataclass(frozen=True, slots=True)
class PostFilter:
    """The best 1,000 of everybody in `nprobe` lists, of whom the eligible are kept; if they are
    fewer than k, of twice as many, and so on up to 16,000."""

    table: Table
    lists: InvertedLists
    nprobe: int

    def search(self, query: Query) -> Retrieved:
        """Up to k of the eligible."""
        most = min(MOST_FETCHED, len(self.table))
        fetch = min(FIRST_FETCH, most)
        while True:
            rows, scores = self.lists.search(query.vector, fetch, self.nprobe)
            kept = eligible(query.viewer, self.table.candidates.take(rows), query.today)
            if fetch == most or kept.sum() >= query.k:
                return self.table.retrieved(rows[kept][: query.k], scores[kept][: query.k])
            fetch = min(2 * fetch, most)


@dataclass(frozen=True, slots=True)
class FaissIvf:
    """The best of the eligible in `nprobe` lists."""

    table: Table
    lists: InvertedLists
    nprobe: int

    def search(self, query: Query) -> Retrieved:
        """Up to k of the eligible."""
        among = self.table.eligible(query)
        k = min(query.k, len(among))
        rows, scores = self.lists.search(query.vector, k, self.nprobe, among)
        return self.table.retrieved(rows, scores, complete=len(rows) == len(among))
