"""A tiny market that ends now: in the lake, in Redis, and with its tables in Postgres."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from redis.asyncio import Redis

from features.keyed import Store
from features.lake import append_rows
from features.writer import rebuild_behaviour, write_person_rows
from tests.training import worlds
from training.snapshot import PhotoVectors

COLOURS = ("crimson", "navy", "gold", "seagreen")


@dataclass(frozen=True, slots=True)
class Market:
    """Lake tables whose last swipe was made an hour before `now`."""

    profiles: pa.Table
    swipes: pa.Table


def market(now: datetime, people: int = 300, swipes_each: int = 40) -> Market:
    """Some hundred people of one town and twelve days of their swipes, up to an hour ago."""
    world = worlds.market(people, swipes_each)
    late = now - timedelta(hours=1) - worlds.UNTIL
    return Market(
        _later(world.profiles, "changed_at", late), _later(world.swipes, "swiped_at", late)
    )


def colours_of(world: Market, running: int = 1) -> PhotoVectors:
    """Embeddings (n, 4) of people whose photos are of one colour each, so many running of each."""
    person = world.profiles["person"].to_numpy()
    colour = np.arange(len(person)) // running % len(COLOURS)
    vector = np.eye(len(COLOURS), dtype=np.float32)[colour]
    return PhotoVectors("1", b"network", person, vector)


async def import_market(lake: str, redis: Redis, features: Store, world: Market) -> None:
    """What an import does to the lake and to Redis."""
    append_rows(lake, "profiles", world.profiles, "import-profiles-000000")
    append_rows(lake, "swipes", world.swipes, "import-swipes-000000")
    await write_person_rows(redis, features, world.profiles)
    await rebuild_behaviour(features, world.swipes)


def utc_now() -> datetime:
    """The clock of these tests: whole milliseconds."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _later(table: pa.Table, column: str, late: timedelta) -> pa.Table:
    shift = pa.scalar(int(late.total_seconds() * 1000), pa.duration("ms"))
    shifted = pc.add(table[column], shift)
    return table.set_column(
        table.schema.get_field_index(column), table.schema.field(column), shifted
    )
