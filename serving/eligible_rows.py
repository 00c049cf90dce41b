"""Everybody eligible, as rows of a release under an overlay: for engines that score elsewhere."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.disk_cells import CellTable
from features.eligibility import Candidates, eligible
from features.release import Release
from serving.index import Query
from serving.overlay import Overlay
from serving.people import Persons
from serving.rows import among, scores_of, unseen

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_NOBODY: Final = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Eligible:
    """Who is eligible, alive and unseen. Of the snapshot, rows (m,) that ascend; of the overlay,
    people (r,) with their scores (r,): they are few."""

    rows: Ints
    recent: Persons
    recent_scores: Floats

    def __len__(self) -> int:
        return len(self.rows) + len(self.recent)

    def recent_of(self, likers: Ints) -> Ints:
        """Places of the recent people who are among sorted ids."""
        return np.flatnonzero(among(self.recent.ids, likers))


class EligibleRows:
    """A release under an overlay; to be used from the overlay's thread. `people`: (n,)."""

    def __init__(self, release: Release, overlay: Overlay) -> None:
        self.people = c = Candidates.of(release.arrays.columns)
        self._cells = CellTable.of(np.asarray(release.arrays.cell), c.x, c.y, c.z)
        self._overlay = overlay
        self._release = release

    def of(self, query: Query) -> Eligible:
        """Everybody whom `eligible` lets through, as things are now."""
        recent = self._overlay.current()
        c = recent.candidates
        slots = np.flatnonzero(eligible(query.viewer, c, query.today))
        slots = unseen(slots, c.person_id, query.seen)
        ids = c.person_id[slots]
        persons = Persons(ids, self._release.rows_of(ids), c.gender[slots], c.birth_day[slots])
        scores = scores_of(recent.vectors, slots, query.vector)
        return Eligible(self._rows(query), persons, scores)

    def rows_of(self, likers: Ints, eligible: Eligible) -> Ints:
        """Rows (m,) of the snapshot's people among ids who are eligible."""
        rows = self._release.rows_of(likers)
        return rows[among(rows, eligible.rows)]

    def persons(self, rows: Ints) -> Persons:
        """The people of rows (m,), in that order."""
        c = self.people
        return Persons(c.person_id[rows], rows, c.gender[rows], c.birth_day[rows])

    def _rows(self, query: Query) -> Ints:
        viewer, dead = query.viewer, self._overlay.dead
        xyz = np.array((viewer.x, viewer.y, viewer.z))
        found = [_NOBODY]
        for start, stop in self._cells.rows_near(xyz, viewer.max_distance_km):
            mask = eligible(viewer, self.people.rows(start, stop), query.today)
            mask &= ~dead[start:stop]
            found.append(np.flatnonzero(mask) + start)
        return unseen(np.concatenate(found), self.people.person_id, query.seen)
