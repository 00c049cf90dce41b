"""What happened since a release was made: whom some have swiped, and who has changed.

Nothing of it may change what brute force says. So it is the release that lags behind: the last
swipes are missing in it, and it has another limit of distance of those who changed, by a hair.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cli.bench.world.population import Population
from cli.bench.world.seen import Seen

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Parted:
    """A `Seen` in two: what a release knows of, and what came later."""

    before: Seen
    since: Seen


def part_seen(seen: Seen, rows: Ints, most: int, random: np.random.Generator) -> Parted:
    """Up to `most` of the swipes of each of rows (m,), and at most half of them, came later."""
    later = np.zeros(len(seen.ids), np.bool_)
    for start, end in zip(seen.indptr[rows].tolist(), seen.indptr[rows + 1].tolist(), strict=True):
        drawn = random.permutation(end - start)[: min(most, (end - start) // 2)]
        later[start + drawn] = True
    return Parted(_only(seen, ~later), _only(seen, later))


def lagging(population: Population, rows: Ints) -> npt.NDArray[np.void]:
    """The population's table (n,) before the people of rows (m,) changed: their limit was the least
    step smaller, some millimetres in which nobody lives."""
    table = population.table.copy()
    limit = table["max_distance_km"]
    limit[rows] = np.nextafter(limit[rows], np.float32(0))
    return table


def _only(seen: Seen, kept: npt.NDArray[np.bool_]) -> Seen:
    before = np.concatenate(([0], np.cumsum(kept)))
    return Seen(before[seen.indptr].astype(np.int64), seen.ids[kept])
