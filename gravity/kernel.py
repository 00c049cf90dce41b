"""What every service is given: connections, settings and a clock."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import asyncpg
import redis.asyncio as redis

from gravity.bus import Producer
from gravity.postgres import open_pool
from gravity.redis_client import cancellable
from gravity.settings import Settings


def utc_now() -> datetime:
    """The clock of a running process."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Kernel:
    """The open connections of one process; `stopping` is set when it is told to end, and `closing`
    closes what was opened beside them."""

    settings: Settings
    pool: asyncpg.Pool
    redis: redis.Redis
    producer: Producer
    clock: Callable[[], datetime] = utc_now
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    closing: AsyncExitStack = field(default_factory=AsyncExitStack)


@asynccontextmanager
async def open_kernel(settings: Settings) -> AsyncIterator[Kernel]:
    """Open everything, and close it in the reverse order. Postgres must be there already."""
    pool = await open_pool(settings.postgres_url)
    cache = cancellable(
        redis.Redis.from_url(
            settings.redis_url,
            socket_connect_timeout=2,
            socket_timeout=10,
            health_check_interval=30,
            # To name itself, the library reads its own metadata for each connection: 5 ms of CPU.
            driver_info=None,
        )
    )
    producer = Producer.open(settings.bus_url)
    try:
        async with AsyncExitStack() as closing:
            yield Kernel(settings, pool, cache, producer, closing=closing)
    finally:
        await producer.close()
        await cache.aclose()
        await pool.close()
