"""The people of a chaos run: OkCupid's, moved into one town and all wanting to meet each other."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from cli.importing.effects import Stores, apply_profiles
from contracts import events_pb2 as events
from simulator.population import draw_population

_LATITUDE, _LONGITUDE = 37.77, -122.43
_SPREAD_DEGREES = 0.03
_PART = "import-chaos-000000"


async def settle_people(stores: Stores, people: int, seed: int) -> None:
    """Write persons 1..people to Postgres, Redis and the lake, as an import does."""
    await apply_profiles(stores, draw_town(people, datetime.now(UTC), seed), _PART, False)


def draw_town(people: int, until: datetime, seed: int) -> pa.Table:
    """Profiles (schema PROFILES) of persons 1..people: a few kilometres apart, visible, and open to
    everybody of any age."""
    drawn = draw_population(people, until, seed)
    n, random = people, np.random.default_rng([seed, 2])
    everyone = [events.GENDER_MAN, events.GENDER_WOMAN, events.GENDER_NONBINARY]
    columns: dict[str, Any] = {
        "latitude": _LATITUDE + random.normal(0.0, _SPREAD_DEGREES, n),
        "longitude": _LONGITUDE + random.normal(0.0, _SPREAD_DEGREES, n),
        "seeks": pa.array([everyone] * n, pa.list_(pa.int8())),
        "age_min": np.full(n, 18, np.int16),
        "age_max": np.full(n, 120, np.int16),
        "max_distance_km": np.full(n, 50.0, np.float32),
        "visibility": np.full(n, events.VISIBILITY_VISIBLE, np.int8),
    }
    for name, values in columns.items():
        at = drawn.schema.get_field_index(name)
        field = drawn.schema.field(name)
        drawn = drawn.set_column(at, field, pa.array(values).cast(field.type))
    return drawn
