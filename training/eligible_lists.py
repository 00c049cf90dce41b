"""Who a sample of viewers may be shown: all eligible people whom they have not swiped yet."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.eligibility import Candidates, eligible, viewer_of
from training.datasets import Swipes
from training.snapshot import People

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class EligibleList:
    """`candidates` (m,) rows of everybody whom the person of row `viewer` may be shown."""

    viewer: int
    candidates: Ints


def eligible_lists(
    people: People, viewers: Ints, seen: Swipes, today: int, at_least: int = 1
) -> Iterator[EligibleList]:
    """Lists of the viewers (rows) who have `at_least` so many; whom they saw is left out."""
    columns = Candidates.of(people.table)
    histories = seen.histories(len(people))
    for row in viewers.tolist():
        may = eligible(viewer_of(people.table, row), columns, today)
        may[histories.rows[histories.indptr[row] : histories.indptr[row + 1]]] = False
        candidates = np.flatnonzero(may)
        if len(candidates) >= at_least:
            yield EligibleList(row, candidates)


def sample_viewers(viewers: Ints, size: int, rng: np.random.Generator) -> Ints:
    """At most `size` distinct rows of `viewers`, sorted."""
    distinct = np.unique(viewers)
    return np.sort(rng.permutation(distinct)[:size])
