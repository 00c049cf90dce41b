"""Random parts of some rows, and how large a part they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Rows (k,), ascending: a random `share` of all that they stand for."""

    rows: Ints
    share: float

    @classmethod
    def of(cls, ranges: Sequence[tuple[int, int]], most: int, rng: np.random.Generator) -> Self:
        """Of the rows within ranges (start, stop), at most so many."""
        starts, stops = np.array(ranges, np.int64).reshape(-1, 2).T
        ends = np.cumsum(stops - starts)
        total = int(ends[-1]) if len(ends) else 0
        at = np.arange(total)
        if total > most:
            # Drawn twice is there once: all are as likely.
            at = np.unique(rng.integers(0, total, most))
        of_range = np.searchsorted(ends, at, side="right")
        rows = at - ends[of_range] + stops[of_range]
        return cls(rows.astype(np.int64), max(1, len(at)) / max(1, total))

    def only(self, which: npt.NDArray[np.bool_]) -> Self:
        """Those of them (k,) who come into question."""
        return type(self)(self.rows[which], self.share)

    def at_most(self, most: int, rng: np.random.Generator) -> Self:
        """A random part of them where there are more."""
        if len(self.rows) <= most:
            return self
        rows = np.sort(rng.choice(self.rows, most, replace=False))
        return type(self)(rows, self.share * most / len(self.rows))
