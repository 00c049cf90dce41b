"""Who may be shown to whom, in memory: every eligible pair of a market, both ways."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from simulator.exposure import eligible_rows
from simulator.pairs import found_in

Ints = npt.NDArray[np.int64]
Ints32 = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Pools:
    """Pairs of n people, viewer by viewer and then by candidate.

    Viewer u may be shown `candidate[start[u]:start[u + 1]]` (int32 rows, ascending); `start`
    (n + 1,). `key` (m,) is n * viewer + candidate, ascending. Eligibility is mutual, so that each
    pair's reverse is among them.
    """

    start: Ints
    candidate: Ints32
    key: Ints

    @classmethod
    def of(cls, table: npt.NDArray[np.void], today: int) -> Self:
        """All eligible pairs of a table (PERSON_DTYPE, n rows). Nobody hidden has any."""
        n = len(table)
        wanted = np.where(table["visible"], 1, 0).astype(np.int64)
        found = {
            viewer: np.sort(rows).astype(np.int32)
            for viewer, rows in eligible_rows(table, wanted, today)
        }
        nobody = np.zeros(0, np.int32)
        lists = [found.get(viewer, nobody) for viewer in range(n)]
        sizes = np.array([len(each) for each in lists], np.int64)
        candidate = np.concatenate([nobody, *lists])
        key = np.repeat(np.arange(n) * n, sizes) + candidate
        return cls(np.concatenate(([0], np.cumsum(sizes))), candidate, key)

    def __len__(self) -> int:
        return len(self.start) - 1

    def of_viewer(self, viewer: int) -> slice:
        """Where a viewer's pairs are."""
        return slice(int(self.start[viewer]), int(self.start[viewer + 1]))

    def at(self, viewer: Ints, candidate: Ints) -> Ints:
        """Where pairs (k,) are. Raises KeyError for one that is not eligible."""
        key = viewer * len(self) + candidate
        found = np.minimum(np.searchsorted(self.key, key), max(0, len(self.key) - 1))
        if len(key) and not (len(self.key) and np.array_equal(self.key[found], key)):
            raise KeyError("a pair is not eligible")
        return found

    def has(self, viewer: Ints, candidate: Ints) -> Bools:
        """Which of some pairs (k,) are eligible."""
        return found_in(self.key, viewer * len(self) + candidate)

    def reverse(self) -> Ints:
        """Where each pair's reverse is (m,)."""
        # In the order of candidates, and then of viewers, they are the reverses one by one.
        order = np.argsort(self.candidate, kind="stable")
        reverse = np.empty(len(order), np.int64)
        reverse[order] = np.arange(len(order))
        return reverse
