"""Letting people of the demo see who likes them, as billing does."""

from collections.abc import Awaitable, Callable

import asyncpg
from redis.asyncio import Redis

from billing.entitlements import TIERS, entitle
from gravity.kernel import utc_now


def entitled_by(pool: asyncpg.Pool, redis: Redis) -> Callable[[int], Awaitable[None]]:
    """Give a person the tier gold."""

    async def give(person: int) -> None:
        await entitle(pool, redis, person, TIERS["gold"], utc_now())

    return give
