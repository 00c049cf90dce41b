"""Hearing what services tell over Redis."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from features.news import CHANGED, STANDING

Heard = Callable[[], Awaitable[tuple[bytes, bytes]]]


@asynccontextmanager
async def hearing(redis: Redis) -> AsyncIterator[Heard]:
    """Gives a function that waits for the next message: its channel and what it says."""
    async with redis.pubsub() as pubsub:
        await pubsub.subscribe(CHANGED, STANDING)
        for _ in range(2):
            assert (await pubsub.get_message(timeout=20) or {})["type"] == "subscribe"

        async def heard() -> tuple[bytes, bytes]:
            message = await pubsub.get_message(timeout=20)
            assert message is not None, "nothing was told"
            return message["channel"], message["data"]

        yield heard
