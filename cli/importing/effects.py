"""What an import writes to Postgres, the lake and Redis, each so that it can be repeated."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import redis.asyncio as redis

from cli.importing.checkpoints import Applied
from cli.importing.swipe_rows import impressions_of
from features.keyed import Store
from features.lake import append_rows, read_rows
from features.whereabouts import store_beside
from features.writer import restore_behaviour, write_person_rows
from gravity.postgres import migrate, open_pool
from gravity.settings import Settings
from interactions import read_side
from interactions.standing_swipes import standing
from interactions.store import import_swipes
from profiles.store import import_profiles


@dataclass(frozen=True, slots=True)
class Stores:
    """Open connections to where an import writes."""

    pool: asyncpg.Pool
    redis: redis.Redis
    features: Store
    lake: str


@asynccontextmanager
async def open_stores(settings: Settings) -> AsyncIterator[Stores]:
    """Connections, with the tables of the packages that an import writes to made up to date."""
    pool = await open_pool(settings.postgres_url)
    cache = redis.Redis.from_url(settings.redis_url)
    try:
        for package in ("gravity", "profiles", "interactions"):
            await migrate(pool, package)
        async with store_beside(settings, cache) as features:
            yield Stores(pool, cache, features, settings.lake)
    finally:
        await cache.aclose()
        await pool.close()


def known_people(lake: str) -> npt.NDArray[np.int64]:
    """Ids of everybody with a profile, ascending."""
    return np.unique(read_rows(lake, "profiles", columns=["person"])["person"].to_numpy())


async def apply_profiles(stores: Stores, rows: pa.Table, part: str, again: bool) -> Applied:
    """Write profiles (schema PROFILES); what stands in Postgres, and erasures, stand over them.

    `again`: an earlier run may have written some of them to Postgres and no further: those that
    are there just as in the file. The lake and Redis get only what Postgres took, and Redis
    keeps what somebody changed since.
    """
    stored = await import_profiles(stores.pool, rows, again)
    kept = rows.filter(pa.array(np.isin(rows["person"].to_numpy(), stored), pa.bool_()))
    if kept.num_rows:
        await asyncio.gather(
            asyncio.to_thread(append_rows, stores.lake, "profiles", kept, part),
            write_person_rows(stores.redis, stores.features, kept),
        )
    return Applied(kept.num_rows, 0)


async def apply_swipes(stores: Stores, rows: pa.Table, part: str, again: bool) -> Applied:
    """Write swipes (schema SWIPES); `again`: an earlier run may have written some of them.

    The lake gets what Postgres recorded. A run that was killed between the two does not know any
    more which rows were new then: those that stand as they are in the file.
    """
    imported = await import_swipes(stores.pool, rows)
    recorded = await standing(stores.pool, rows) if again else imported.recorded
    if recorded.num_rows:
        shown = impressions_of(recorded)
        await asyncio.gather(
            asyncio.to_thread(append_rows, stores.lake, "swipes", recorded, part),
            asyncio.to_thread(append_rows, stores.lake, "impressions", shown, part),
        )
    return Applied(recorded.num_rows, imported.matches)


async def settle_swipes(stores: Stores) -> None:
    """Rebuild what Redis knows of swipes: seen people, likes, matches, counts and histories.

    Live swipes may come meanwhile: the stream waits, and goes on where it was. Raises LakeBehind.
    """
    await read_side.fill(stores.redis, stores.pool, None)
    await restore_behaviour(stores.pool, stores.features, stores.lake)
