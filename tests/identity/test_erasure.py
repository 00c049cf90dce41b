"""An erased person is shown to nobody when the command returns."""

from datetime import UTC, datetime

import asyncpg
import pytest
from redis.asyncio import Redis

from contracts import events_pb2 as events
from features.wire import run
from gravity.postgres import migrate
from identity.erasure import PersonUnknown, erase

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def test_erasing_withdraws_and_tells_once(pool: asyncpg.Pool, redis: Redis) -> None:
    for package in ("gravity", "identity"):
        await migrate(pool, package)
    await redis.set("person:{7}", b"x")
    assert await erase(pool, redis, 7, NOW)
    # Again after a crash that lost the withdrawal, when the row is gone.
    await redis.flushall()
    assert not await erase(pool, redis, 7, NOW)
    assert await run(redis.smembers("withdrawn")) == {b"7"}
    (told,) = await pool.fetch("select value from outbox where lane = 'identity'")
    assert events.PersonErased.FromString(told["value"]).person == 7
    with pytest.raises(PersonUnknown):
        await erase(pool, redis, 8, NOW)
    assert await pool.fetchval("select count(*) from erasures") == 1
