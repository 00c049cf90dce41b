"""A cancelled command of Redis is cancelled, whenever that comes."""

import asyncio
from contextlib import suppress

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import TimeoutError as RedisTimeout

from gravity.redis_client import cancellable
from tests.infrastructure import Infra

_MOST_STEPS = 100


async def _survives(redis: Redis, steps: int) -> bool | None:
    """Whether a command goes on that is cancelled after so many steps of the loop; None: it has
    ended before."""
    went_on = False

    async def work() -> None:
        nonlocal went_on
        await redis.mget("a", "b")
        await asyncio.sleep(0)
        went_on = True

    task = asyncio.create_task(work())
    for _ in range(steps):
        await asyncio.sleep(0)
    if task.done():
        return None
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return went_on


async def test_no_cancellation_is_lost_at_any_step(infra: Infra) -> None:
    await asyncio.to_thread(infra.wait, "redis")
    async with cancellable(Redis.from_url(infra.redis_url, socket_timeout=10)) as client:
        await client.mget("a", "b")
        survived = [await _survives(client, steps) for steps in range(_MOST_STEPS)]
        ended = survived.index(None)
        assert ended > 3
        assert survived[:ended] == [False] * ended
        assert await client.mget("a", "b") == [None, None]


async def test_whoever_reads_nothing_is_waited_for_so_long() -> None:
    async def deaf(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    ended = asyncio.Event()
    server = await asyncio.start_server(deaf, "127.0.0.1", 0, limit=1)
    port = server.sockets[0].getsockname()[1]
    deaf_to = Redis(port=port, socket_timeout=0.2, driver_info=None, retry=Retry(NoBackoff(), 0))
    async with server, cancellable(deaf_to) as redis:
        with pytest.raises(RedisTimeout, match="writing"):
            await redis.set("a", b"x" * 50_000_000)
        ended.set()
