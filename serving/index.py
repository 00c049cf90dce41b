"""Who can be in a deck: an exact scan over exactly the eligible people, complete by construction.

The snapshot's rows near the viewer come as ranges of cells; the mask of eligibility, what the
overlay changed and everybody seen are taken out before anything is scored, so asking for as many
people as there are eligible returns all of them.
"""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from features.disk_cells import CellTable
from features.eligibility import Candidates, Viewer, eligible
from features.release import Release
from serving.overlay import Overlay
from serving.people import Persons

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_NOBODY: Final = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Query:
    """One search. `vector` (2d + 3,) float32; `seen` are sorted arrays of ids to leave out."""

    viewer: Viewer
    today: int
    vector: Floats
    seen: tuple[Ints, ...]
    k: int


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The best people (m,), best first; `complete` if nobody else is eligible."""

    persons: Persons
    scores: Floats
    complete: bool


class CandidateIndex(Protocol):
    """An engine: the k best eligible people by inner product, all of them if k reaches so far."""

    def search(self, query: Query) -> Retrieved:
        """Search; no eligible person is left out unless k others are better."""
        ...


class ExactIndex:
    """The release's table, gathered and multiplied; with the overlay's changes applied."""

    def __init__(self, release: Release, overlay: Overlay) -> None:
        columns = release.arrays.columns
        self._candidates = Candidates.of(columns)
        c = self._candidates
        self._cells = CellTable.of(np.asarray(release.arrays.cell), c.x, c.y, c.z)
        self._vectors = np.asarray(release.arrays.candidate_vectors)
        self._overlay = overlay
        self._release = release

    def search(self, query: Query) -> Retrieved:
        """See `CandidateIndex.search`."""
        rows = _unseen(self._eligible_rows(query), self._candidates.person_id, query.seen)
        recent = self._overlay.current()
        slots = np.flatnonzero(eligible(query.viewer, recent.candidates, query.today))
        slots = _unseen(slots, recent.candidates.person_id, query.seen)
        scores = np.concatenate(
            (self._vectors[rows] @ query.vector, recent.vectors[slots] @ query.vector)
        )
        best = _top(scores, query.k)
        return Retrieved(
            self._persons(rows, slots).take(best), scores[best], len(best) == len(scores)
        )

    def _eligible_rows(self, query: Query) -> Ints:
        viewer, dead = query.viewer, self._overlay.dead
        xyz = np.array((viewer.x, viewer.y, viewer.z))
        found = [_NOBODY]
        for start, stop in self._cells.rows_near(xyz, viewer.max_distance_km):
            mask = eligible(viewer, self._candidates.rows(start, stop), query.today)
            mask &= ~dead[start:stop]
            found.append(np.flatnonzero(mask) + start)
        return np.concatenate(found)

    def _persons(self, rows: Ints, slots: Ints) -> Persons:
        old, new = self._candidates, self._overlay.current().candidates
        ids = np.concatenate((old.person_id[rows], new.person_id[slots]))
        return Persons(
            ids=ids,
            rows=np.concatenate((rows, self._release.rows_of(new.person_id[slots]))),
            gender=np.concatenate((old.gender[rows], new.gender[slots])),
            birth_day=np.concatenate((old.birth_day[rows], new.birth_day[slots])),
        )


def _unseen(rows: Ints, person_id: Ints, seen: tuple[Ints, ...]) -> Ints:
    """The rows whose person is in none of the sorted arrays."""
    for ids in seen:
        if len(ids) and len(rows):
            wanted = person_id[rows]
            at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
            rows = rows[ids[at] != wanted]
    return rows


def _top(scores: Floats, k: int) -> Ints:
    """Places of the k highest of scores (n,), highest first; all of them if k >= n."""
    if k < len(scores):
        chosen = np.argpartition(-scores, k)[:k]
        return np.asarray(chosen[np.argsort(-scores[chosen], kind="stable")], np.int64)
    return np.asarray(np.argsort(-scores, kind="stable"), np.int64)
