"""A ranker says all the time that it lives: also while it loads a release, which takes a minute."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from features.live_releases import alive_key

_EVERY_S: Final = 2.0
# On a busy machine the next word may come late.
_FOR_S: Final = 15


@asynccontextmanager
async def living(redis: Redis, worker: str) -> AsyncIterator["asyncio.Task[None]"]:
    """The worker lives while the block runs: said before it begins, renewed by the task that this
    gives, taken back at the end."""
    await _say(redis, worker)
    renewing = asyncio.create_task(_renew(redis, worker), name="living")
    try:
        yield renewing
    finally:
        renewing.cancel()
        await asyncio.wait([renewing])
        with contextlib.suppress(RedisError, OSError):
            await redis.delete(alive_key(worker))


async def _renew(redis: Redis, worker: str) -> None:
    while True:
        await asyncio.sleep(_EVERY_S)
        await _say(redis, worker)


async def _say(redis: Redis, worker: str) -> None:
    # While Redis is away nobody asks.
    with contextlib.suppress(RedisError, OSError):
        await redis.set(alive_key(worker), b"1", ex=_FOR_S)
