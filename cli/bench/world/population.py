"""A population as large as a benchmark wants it, in the places where people really live.

Everybody is somebody of the source again: with their gender, wishes, age (within 200 days), rates,
line and nearly their factors, but another home and another limit of distance.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cli.bench.world.source import Source
from features.disk_cells import CellTable, table_order
from features.eligibility import birthday_reached, person_table
from simulator.geography import Homes, near_towns, read_places
from simulator.population import DISTANCE_LIMITS_KM, DISTANCE_SHARES

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_REGION: Final = "region.csv"
_VISIBLE: Final = 0.98
_BIRTH_DAYS: Final = 200
_ADULT: Final = 18
_COPIED: Final = ("gender", "seeks", "age_min", "age_max")


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """n people in the order of a release's table.

    `source` (n,) int64: the row of the source that each comes from; `table` (n,) PERSON_DTYPE, ids
    1..n in random order; `cell` (n,) uint64, H3 res 5; `latitude`, `longitude` (n,) float64 in
    degrees; `today` in days since 1970.
    """

    source: Ints
    table: npt.NDArray[np.void]
    cell: npt.NDArray[np.uint64]
    latitude: Floats
    longitude: Floats
    today: int

    def __len__(self) -> int:
        return len(self.table)

    @property
    def person_id(self) -> Ints:
        """(n,) int64."""
        return np.asarray(self.table["person_id"], np.int64)


def draw_population(
    source: Source, people: int, today: int, random: np.random.Generator
) -> Population:
    """`people` persons drawn from the source (some 3 s and 300 MB for a million)."""
    homes = _homes(people, random)
    placed = table_order(homes.latitude, homes.longitude)
    latitude, longitude = homes.latitude[placed.order], homes.longitude[placed.order]
    # Independent of the homes: so it may be drawn in the order of the table.
    row = random.integers(0, len(source), people)
    columns = source.release.arrays.columns
    table = person_table(
        1 + random.permutation(people),
        latitude,
        longitude,
        birth_day=_birth_days(columns["birth_day"][row], today, random),
        max_distance_km=random.choice(DISTANCE_LIMITS_KM, people, p=DISTANCE_SHARES),
        visible=random.random(people) < _VISIBLE,
        **{name: columns[name][row] for name in _COPIED},
    )
    return Population(row, table, placed.cell, latitude, longitude, today)


def people_around(population: Population, rows: Ints, km: float) -> Ints:
    """How many people live within about `km` of those of rows (m,): in the res-5 cells of the table
    that may reach so far, a few kilometres more. Counts (m,) int64."""
    x, y, z = (np.asarray(population.table[axis], np.float64) for axis in "xyz")
    cells = CellTable.of(population.cell, x, y, z)
    near = [cells.rows_near(np.array((x[row], y[row], z[row])), km) for row in rows.tolist()]
    return np.array([sum(stop - start for start, stop in ranges) for ranges in near], np.int64)


def _homes(people: int, random: np.random.Generator) -> Homes:
    """Homes (people,) in and around the towns of a region, in proportion to who lives there."""
    places = read_places(_REGION)
    share = places.population / places.population.sum()
    return near_towns(places, random.choice(len(share), people, p=share), random)


def _birth_days(days: npt.NDArray[np.int32], today: int, random: np.random.Generator) -> Ints:
    """Birth days (n,) near those of the source; everybody is of age today."""
    drawn = days + random.integers(-_BIRTH_DAYS, _BIRTH_DAYS + 1, len(days))
    return np.asarray(np.minimum(drawn, birthday_reached(today, _ADULT)), np.int64)
