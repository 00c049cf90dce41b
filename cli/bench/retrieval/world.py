"""People of whom a viewer's own limits alone say how many are eligible, and their release."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from cli.bench.world.population import Population, draw_population
from cli.bench.world.release import write_population
from cli.bench.world.seen import Seen
from cli.bench.world.source import Source
from features.behaviour import GENDERS
from features.release import Release

EVERY_GENDER: Final = sum(1 << gender for gender in GENDERS)
ANY_AGE: Final = (0, 255)
_SEED: Final = 6
_AROUND_THE_EARTH_KM: Final = 40_100.0
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class OpenWorld:
    """`population`: n people who would be shown to anybody anywhere; `release`: of them, without
    swipes; `own` (n,) PERSON_DTYPE: the same people with the limits that are theirs."""

    population: Population
    own: npt.NDArray[np.void]
    release: Release

    def __len__(self) -> int:
        return len(self.own)


def open_world(source: Source, people: int, folder: Path, now: datetime) -> OpenWorld:
    """Draw `people` and write their release at `folder` (some 10 s and 600 MB for a million)."""
    random = np.random.default_rng(_SEED)
    population = draw_population(source, people, (now.astimezone(UTC) - _EPOCH).days, random)
    opened = replace(population, table=_opened(population.table))
    nobody = Seen(np.zeros(people + 1, np.int64), np.empty(0, np.int64))
    write_population(folder, opened, nobody, source, now, random)
    return OpenWorld(opened, population.table, Release.open(folder))


def _opened(table: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    opened = table.copy()
    opened["seeks"], opened["max_distance_km"] = EVERY_GENDER, _AROUND_THE_EARTH_KM
    opened["age_min"], opened["age_max"] = ANY_AGE
    return opened
