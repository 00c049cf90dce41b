"""What changed since a release's snapshot: new and changed people, and people who are gone.

A mask over the snapshot's rows and a buffer of rows of the same kind; the index scans both alike.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from features.eligibility import PERSON_DTYPE, Mask
from features.profile_code import Profiles
from features.release import Release
from features.score import candidate_vectors
from serving.buffer import Buffer, Current
from serving.newcomers import Newcomers, taken
from serving.people import Persons, sides_of

__all__ = ["Current", "Overlay"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Table = npt.NDArray[np.void]

_WITHDRAWN: Final = 1
_ERASED: Final = 2
_REPLACED: Final = 4
_NOWHERE: Final = -1


class Overlay:
    """Changes over one release; to be used from one thread.

    `dead` (n,) marks the snapshot's rows that no longer count: replaced, withdrawn or erased. The
    buffer has only those whom somebody could be shown: who is hidden has no row there, and neither
    has somebody whose change the index does not look at (a name, a photo).

    People are known by keys: those of the release by their rows, others by the next numbers, in the
    order in which they were first heard of.
    """

    def __init__(self, release: Release, withdrawn: Iterable[int] = ()) -> None:
        self._release = release
        n = len(release.arrays.person_id)
        self._newcomers: dict[int, int] = {}
        # By key: the version known, the slot in the buffer, and what else is the matter.
        self._version = np.full(n, -1, np.int64)
        self._slot = np.full(n, _NOWHERE, np.int32)
        self._state = np.zeros(n, np.uint8)
        # By slot.
        self._key: Ints = np.empty(0, np.int64)
        self._buffer = Buffer(release.arrays.candidate_vectors.shape[1])
        self.dead: Mask = np.zeros(n, np.bool_)
        self.newcomers = Newcomers(release)
        self.withdraw(withdrawn)

    def __len__(self) -> int:
        """How many people are in the buffer, and so how many more rows each search scans."""
        return len(self._buffer)

    @property
    def share(self) -> float:
        """The buffer's size in shares of the snapshot's."""
        return len(self._buffer) / max(1, len(self.dead))

    def current(self) -> Current:
        """The buffer as it is now; views, good until the next change."""
        return self._buffer.current()

    def are_new(self, persons: Ints) -> Mask:
        """Whom of people (m,) the release does not know, (m,)."""
        return np.asarray(self._release.rows_of(persons) < 0, np.bool_)

    def put(self, person: Table, version: int, today: int, said: Profiles | None = None) -> None:
        """`put_many` of one, PERSON_DTYPE (1,)."""
        self.put_many(person, np.array([version], np.int64), today, said)

    def put_many(
        self, people: Table, versions: Ints, today: int, said: Profiles | None = None
    ) -> None:
        """Whole states (m,) of people, and what they say (m); where a newer version is known, or
        comes along, old ones change nothing. All of them or, if it raises, none."""
        keys = self._keys(people["person_id"])
        new = _newest(keys, versions)
        new = new[(versions[new] > self._version[keys[new]]) & ~self._is(keys[new], _ERASED)]
        people, keys = people[new], keys[new]
        if said is not None:
            self.newcomers.hear(people["person_id"], taken(said, new))
        same = self._are_in_snapshot(people, keys)
        shown = people["visible"] & ~same
        # First, since nothing may be half changed if it fails.
        vectors = self._vectors(people[shown], today)
        self._version[keys] = versions[new]
        self._set(keys[same], _REPLACED, on=False)
        self._set(keys[~same], _REPLACED, on=True)
        self._take_out(keys[~shown])
        self._write(keys[shown], people[shown], vectors)
        self._refresh(keys)

    def hide(self, person: int, version: int) -> None:
        """A person's state in which they are nowhere: no place to be shown at."""
        nowhere = np.zeros(1, PERSON_DTYPE)
        nowhere["person_id"] = person
        self.put(nowhere, version, 0)

    def withdraw(self, persons: Iterable[int]) -> None:
        """Banned people and the like, until restored."""
        keys = self._keys(np.fromiter(persons, np.int64))
        self._set(keys, _WITHDRAWN, on=True)
        self._refresh(keys)

    def restore(self, person: int) -> None:
        """The opposite of `withdraw`."""
        keys = self._keys(np.array([person], np.int64))
        self._set(keys, _WITHDRAWN, on=False)
        self._refresh(keys)

    def erase(self, person: int) -> None:
        """For ever."""
        keys = self._keys(np.array([person], np.int64))
        self._set(keys, _ERASED, on=True)
        self.newcomers.forget(person)
        self._take_out(keys)
        self._refresh(keys)

    def _keys(self, persons: Ints) -> Ints:
        keys = self._release.rows_of(persons)
        known, n = self._newcomers, len(self.dead)
        for place in np.flatnonzero(keys < 0).tolist():
            keys[place] = known.setdefault(int(persons[place]), n + len(known))
        missing = n + len(known) - len(self._version)
        if missing > 0:
            more = max(missing, len(known))
            self._version = np.r_[self._version, np.full(more, -1, np.int64)]
            self._slot = np.r_[self._slot, np.full(more, _NOWHERE, np.int32)]
            self._state = np.r_[self._state, np.zeros(more, np.uint8)]
        return keys

    def _is(self, keys: Ints, state: int) -> Mask:
        return np.asarray(self._state[keys] & np.uint8(state) != 0, np.bool_)

    def _set(self, keys: Ints, state: int, *, on: bool) -> None:
        before = self._state[keys]
        self._state[keys] = before | np.uint8(state) if on else before & np.uint8(0xFF - state)

    def _are_in_snapshot(self, people: Table, keys: Ints) -> Mask:
        """Whether the release has just this row (m,)."""
        same: Mask = keys < len(self.dead)
        same[same] = self._release.arrays.columns[keys[same]] == people[same]
        return same

    def _write(self, keys: Ints, people: Table, vectors: Floats) -> None:
        new = keys[self._slot[keys] < 0]
        slots = self._buffer.more(len(new))
        self._slot[new] = slots
        if len(self._key) < len(self._buffer):
            self._key = np.r_[self._key, np.empty(max(256, len(self._buffer)), np.int64)]
        self._key[slots] = new
        self._buffer.write(self._slot[keys].astype(np.int64), people, vectors)

    def _take_out(self, keys: Ints) -> None:
        for key in keys[self._slot[keys] >= 0].tolist():
            slot = int(self._slot[key])
            moved = self._key[self._buffer.take_out(slot)]
            self._key[slot] = moved
            self._slot[moved] = slot
            self._slot[key] = _NOWHERE

    def _refresh(self, keys: Ints) -> None:
        gone = self._is(keys, _WITHDRAWN | _ERASED)
        old = keys < len(self.dead)
        self.dead[keys[old]] = gone[old] | self._is(keys[old], _REPLACED)
        slots = self._slot[keys].astype(np.int64)
        self._buffer.show(slots[slots >= 0], ~gone[slots >= 0])

    def _vectors(self, people: Table, today: int) -> Floats:
        persons = Persons(
            ids=people["person_id"],
            rows=self._release.rows_of(people["person_id"]),
            gender=people["gender"],
            birth_day=people["birth_day"],
        )
        sides = sides_of(self._release, persons, today, newcomers=self.newcomers)
        # A price is of the likes that come to somebody, which do not stop when they move.
        return candidate_vectors(sides, self._release.prices_of(persons.rows).uppermost())


def _newest(keys: Ints, versions: Ints) -> Ints:
    """The place of each key's highest version, of equal ones the last."""
    order = np.lexsort((versions, keys))
    of = keys[order]
    return np.asarray(order[np.r_[of[1:] != of[:-1], True][: len(of)]], np.int64)
