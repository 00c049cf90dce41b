"""Rows of people, column by column, in no order: what is searched beside a snapshot."""

from dataclasses import dataclass, fields
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from features.eligibility import PERSON_DTYPE, Candidates, Mask

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Table = npt.NDArray[np.void]

Number = TypeVar("Number", bound=np.generic)

_LEAST_CAPACITY: Final = 256
_COLUMNS: Final = tuple(field.name for field in fields(Candidates))


@dataclass(frozen=True, slots=True)
class Current:
    """Rows (m,) of the buffer as candidates, with their vectors (m, 2d + 3)."""

    candidates: Candidates
    vectors: Floats


class Buffer:
    """Grows as it must; a row that is taken out leaves its place to the last one.

    Nothing is copied when somebody changes: `current` gives views, good until the next change.
    """

    def __init__(self, width: int) -> None:
        empty = Candidates.of(np.zeros(_LEAST_CAPACITY, PERSON_DTYPE))
        self._columns: dict[str, npt.NDArray[Any]] = {
            name: getattr(empty, name) for name in _COLUMNS
        }
        self._vectors = np.zeros((_LEAST_CAPACITY, width), np.float32)
        self._shown: Mask = np.zeros(_LEAST_CAPACITY, np.bool_)
        self._length = 0
        self._current: Current | None = None

    def __len__(self) -> int:
        return self._length

    def current(self) -> Current:
        """The rows there are now."""
        if self._current is None:
            m = self._length
            columns = {name: column[:m] for name, column in self._columns.items()}
            self._current = Current(Candidates(**columns), self._vectors[:m])
        return self._current

    def more(self, count: int) -> Ints:
        """Slots (count,) for new rows, to be written next."""
        slots = np.arange(self._length, self._length + count, dtype=np.int64)
        while self._length + count > len(self._vectors):
            self._columns = {name: _doubled(column) for name, column in self._columns.items()}
            self._vectors, self._shown = _doubled(self._vectors), _doubled(self._shown)
        self._length += count
        self._current = None
        return slots

    def write(self, slots: Ints, people: Table, vectors: Floats) -> None:
        """People (m,) PERSON_DTYPE and their vectors (m, width) into slots (m,)."""
        rows = Candidates.of(people)
        for name, column in self._columns.items():
            column[slots] = getattr(rows, name)
        self._vectors[slots] = vectors
        self._shown[slots] = rows.visible

    def show(self, slots: Ints, allowed: Mask) -> None:
        """Whether those who are visible by themselves may be seen, (m,)."""
        self._columns["visible"][slots] = self._shown[slots] & allowed

    def take_out(self, slot: int) -> int:
        """Remove a row; returns the slot of the one that is at `slot` from now on: the last."""
        self._length -= 1
        last = self._length
        for column in (*self._columns.values(), self._vectors, self._shown):
            column[slot] = column[last]
            # Nothing of somebody who is out stays here.
            column[last] = 0
        self._current = None
        return last


def _doubled(column: npt.NDArray[Number]) -> npt.NDArray[Number]:
    return np.concatenate((column, np.zeros_like(column)))
