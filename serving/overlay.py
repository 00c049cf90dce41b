"""What changed since a release's snapshot: new and changed people, and people who are gone.

A mask over the snapshot's rows and a buffer of rows of the same kind; the index scans both alike.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.eligibility import PERSON_DTYPE, Candidates, Mask
from features.release import Release
from features.score import candidate_vectors
from serving.people import Persons, scored

Floats = npt.NDArray[np.float32]
Table = npt.NDArray[np.void]

_LEAST_CAPACITY: Final = 256


@dataclass(frozen=True, slots=True)
class Current:
    """Rows (m,) of the buffer as candidates, with their vectors (m, 2d + 3)."""

    candidates: Candidates
    vectors: Floats


class Overlay:
    """Changes over one release; to be used from one thread.

    `dead` (n,) marks the snapshot's rows that no longer count: replaced, withdrawn or erased.
    """

    def __init__(self, release: Release, withdrawn: Iterable[int] = ()) -> None:
        self._release = release
        self._slots: dict[int, int] = {}
        self._versions: dict[int, int] = {}
        self._withdrawn: set[int] = set()
        self._erased: set[int] = set()
        self._table: Table = np.zeros(_LEAST_CAPACITY, PERSON_DTYPE)
        width = release.arrays.candidate_vectors.shape[1]
        self._vectors = np.zeros((_LEAST_CAPACITY, width), np.float32)
        self._visible = np.zeros(_LEAST_CAPACITY, np.bool_)
        self._current: Current | None = None
        self.dead: Mask = np.zeros(len(release.arrays.person_id), np.bool_)
        self.withdraw(withdrawn)

    def __len__(self) -> int:
        return len(self._slots)

    def current(self) -> Current:
        """The buffer as it is now; cheap until the next change."""
        if self._current is None:
            m = len(self._slots)
            table = self._table[:m].copy()
            table["visible"] = self._visible[:m]
            self._current = Current(Candidates.of(table), self._vectors[:m].copy())
        return self._current

    def put(self, person: Table, version: int, today: int) -> None:
        """A person's whole state, PERSON_DTYPE (1,); older versions than the known one are old."""
        person_id = int(person["person_id"][0])
        if version <= self._versions.get(person_id, -1):
            return
        # First, since nothing may be half changed if it fails.
        vector = self._vector(person, today)
        self._versions[person_id] = version
        slot = self._slots.setdefault(person_id, len(self._slots))
        if slot == len(self._table):
            self._grow()
        self._table[slot] = person[0]
        self._vectors[slot] = vector
        self._refresh(person_id)

    def hide(self, person: int, version: int) -> None:
        """A person's state in which they are nowhere: no place to be shown at."""
        if version > self._versions.get(person, -1):
            nowhere = np.zeros(1, PERSON_DTYPE)
            nowhere["person_id"], nowhere["gender"] = person, 1
            self.put(nowhere, version, 0)

    def withdraw(self, persons: Iterable[int]) -> None:
        """Banned people and the like, until restored."""
        for person in persons:
            self._withdrawn.add(person)
            self._refresh(person)

    def restore(self, person: int) -> None:
        """The opposite of `withdraw`."""
        self._withdrawn.discard(person)
        self._refresh(person)

    def erase(self, person: int) -> None:
        """For ever."""
        self._erased.add(person)
        self._refresh(person)

    def _refresh(self, person: int) -> None:
        gone = person in self._withdrawn or person in self._erased
        slot = self._slots.get(person)
        if slot is not None:
            self._visible[slot] = bool(self._table["visible"][slot]) and not gone
        row = int(self._release.rows_of([person])[0])
        if row >= 0:
            self.dead[row] = gone or slot is not None
        self._current = None

    def _vector(self, person: Table, today: int) -> Floats:
        persons = Persons(
            ids=person["person_id"],
            rows=self._release.rows_of(person["person_id"]),
            gender=person["gender"],
            birth_day=person["birth_day"],
        )
        vectors = candidate_vectors(scored(self._release, persons, today).sides)
        return np.asarray(vectors[0], np.float32)

    def _grow(self) -> None:
        self._table = np.concatenate((self._table, np.zeros_like(self._table)))
        self._vectors = np.concatenate((self._vectors, np.zeros_like(self._vectors)))
        self._visible = np.concatenate((self._visible, np.zeros_like(self._visible)))
