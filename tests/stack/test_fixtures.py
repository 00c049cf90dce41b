"""The fixtures that every integration test builds on."""

import asyncpg
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from redis.asyncio import Redis

from gravity.settings import Settings


async def test_each_test_has_an_empty_database(pool: asyncpg.Pool) -> None:
    tables = await pool.fetchval(
        "select count(*) from information_schema.tables where table_schema = 'public'"
    )
    assert tables == 0


async def test_redis_is_empty(redis: Redis) -> None:
    assert await redis.dbsize() == 0
    await redis.set("left", "behind")


async def test_redis_is_empty_again(redis: Redis) -> None:
    assert await redis.dbsize() == 0


async def test_the_log_of_a_test_has_no_topics(settings: Settings) -> None:
    admin = AdminClient({"bootstrap.servers": settings.bus_url.removeprefix("tansu://")})
    assert admin.list_topics(timeout=10).topics == {}
    admin.create_topics([NewTopic("a", 1)])["a"].result(10)


async def test_the_log_of_the_next_test_has_none_either(bus_url: str) -> None:
    admin = AdminClient({"bootstrap.servers": bus_url.removeprefix("tansu://")})
    assert admin.list_topics(timeout=10).topics == {}
