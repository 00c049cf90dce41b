"""Candidates by FAISS alone: search over everybody and leave out who may not be shown; where too
few of many are left, the other way round."""

from dataclasses import dataclass
from typing import Any, Final, Self

import faiss
import numpy as np
import numpy.typing as npt

from features.eligibility import Candidates, eligible, viewer_of
from features.release import Release
from features.score import Sides, query_vectors

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

WANTED: Final = 200
_FIRST_SEARCH: Final = 1_000
_FIRST_LISTS: Final = 16
_MOST: Final = 16_000
"""More are not asked for: to look at everybody's profile first is quicker then."""
_LEAST_A_LIST: Final = 39
"""FAISS warns of fewer vectors to train a list with, and has use for up to 256."""
_MOST_A_LIST: Final = 64


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """An inverted file over everybody's vectors (n, w), and their profiles in the same order."""

    vectors: Any
    queries: Floats
    table: npt.NDArray[np.void]
    profiles: Candidates
    release: Release

    @classmethod
    def of(cls, release: Release) -> Self:
        """Some ten seconds for a million people."""
        a = release.arrays
        sides = Sides.of(
            a.taste,
            a.appeal,
            a.given_rate,
            a.received_rate,
            a.line,
            a.columns["gender"],
            release.manifest.calibration,
        )
        table = np.asarray(a.columns)
        vectors = _inverted_file(np.asarray(a.candidate_vectors))
        return cls(vectors, query_vectors(sides), table, Candidates.of(table), release)

    def search(self, viewer: int, seen: Ints, today: int) -> Ints:
        """The ids (m,) of the 200 best whom the viewer may see, or of all who were found.

        FAISS knows nothing of constraints: it is asked for more until enough of them pass, and
        where that does not help for the best of those who do.
        """
        row = int(self.release.rows_of([viewer])[0])
        n, wanted, lists = len(self.table), _FIRST_SEARCH, _FIRST_LISTS
        while wanted <= _MOST:
            how = faiss.SearchParametersIVF()
            how.nprobe = min(lists, self.vectors.nlist)
            _, found = self.vectors.search(self.queries[row : row + 1], min(wanted, n), params=how)
            rows = found[0][found[0] >= 0]
            passed = self._passing(row, rows, seen, today)
            if len(passed) >= WANTED or (wanted >= n and lists >= self.vectors.nlist):
                return passed[:WANTED]
            wanted, lists = 2 * wanted, 2 * lists
        return self._best_of_passing(row, seen, today)

    def _best_of_passing(self, row: int, seen: Ints, today: int) -> Ints:
        mask = eligible(viewer_of(self.table, row), self.profiles, today)
        mask &= ~np.isin(self.profiles.person_id, seen)
        bits = np.packbits(mask, bitorder="little")
        how = faiss.SearchParametersIVF(
            sel=faiss.IDSelectorBitmap(bits), nprobe=int(self.vectors.nlist)
        )
        _, found = self.vectors.search(self.queries[row : row + 1], WANTED, params=how)
        return np.asarray(self.profiles.person_id[found[0][found[0] >= 0]], np.int64)

    def _passing(self, row: int, rows: Ints, seen: Ints, today: int) -> Ints:
        profiles = self.profiles.take(rows)
        mask = eligible(viewer_of(self.table, row), profiles, today)
        mask &= ~np.isin(profiles.person_id, seen)
        return profiles.person_id[mask]


def _inverted_file(vectors: Floats) -> Any:
    """As many lists as the root of the number of vectors, trained on a sample of them."""
    n, width = vectors.shape
    lists = max(1, min(int(np.sqrt(n)), n // _LEAST_A_LIST))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(width), width, lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.max_points_per_centroid = _MOST_A_LIST
    index.train(vectors)
    index.add(vectors)
    return index
