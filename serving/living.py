"""A ranker says all the time that it lives: also while it loads a release, which takes a minute."""

import asyncio
import contextlib
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from features.live_releases import alive_key

_EVERY_S: Final = 2.0
# On a busy machine the next word may come late.
_FOR_S: Final = 15


async def report_living(redis: Redis, worker: str) -> None:
    """Renew the worker's word until cancelled."""
    while True:
        # While Redis is away nobody asks.
        with contextlib.suppress(RedisError, OSError):
            await redis.set(alive_key(worker), b"1", ex=_FOR_S)
        await asyncio.sleep(_EVERY_S)
