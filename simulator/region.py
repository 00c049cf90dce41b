"""A smaller market is a smaller region, not a thinner one: how crowded it is decides everything."""

from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simulator.population import draw_population
from simulator.world import EVERYBODY


def draw_region(people: int, until: datetime, seed: int) -> pa.Table:
    """Profiles (schema PROFILES, ids 1..people) of the `people` who live nearest to the middle of
    all `EVERYBODY`, or of a population of that size if it is larger."""
    everybody = draw_population(max(people, EVERYBODY), until, seed)
    nearest = np.sort(from_the_middle(everybody)[:people])
    column = everybody.schema.get_field_index("person")
    ids = pa.array(np.arange(1, people + 1), everybody.schema.field(column).type)
    return everybody.take(nearest).set_column(column, everybody.schema.field(column), ids)


def from_the_middle(profiles: pa.Table) -> npt.NDArray[np.int64]:
    """Rows (n,) of profiles (n, schema PROFILES): who lives nearest to the middle of all first."""
    latitude, longitude = (profiles[c].to_numpy() for c in ("latitude", "longitude"))
    north = latitude - np.median(latitude)
    east = (longitude - np.median(longitude)) * np.cos(np.radians(np.median(latitude)))
    return np.argsort(north**2 + east**2, kind="stable")
