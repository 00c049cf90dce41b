"""What Redis lost comes back."""

import asyncpg
from redis.asyncio import Redis

from cli.rebuild import restore_people, restore_serving, restore_withdrawn
from features.person_row import person_row_key
from features.wire import run
from gravity.postgres import migrate


async def test_everybody_whom_postgres_says_is_withdrawn_is_withdrawn_again(
    pool: asyncpg.Pool, redis: Redis
) -> None:
    for package in ("safety", "identity"):
        await migrate(pool, package)
    await pool.execute(
        "insert into safety_standing (person, decision, decided_at)"
        " values (1, 1, now()), (2, 2, now()), (3, 3, now())"
    )
    await pool.execute("insert into erasures (person, requested_at) values (4, now())")
    await restore_withdrawn(pool, redis)
    assert await run(redis.smembers("withdrawn")) == {b"1", b"2", b"4"}


async def test_people_have_their_rows_again(pool: asyncpg.Pool, redis: Redis) -> None:
    await migrate(pool, "profiles")
    await pool.execute(
        "insert into persons (person, version, changed_at, name, birth_day, gender, latitude,"
        " longitude) values (7, 1, now(), 'Ana', 7000, 2, 37.7, -122.2)"
    )
    assert await restore_people(pool, redis) == 1
    assert await redis.exists(person_row_key(7))


async def test_an_unreachable_registry_changes_nothing(redis: Redis) -> None:
    assert await restore_serving(redis, "http://127.0.0.1:1") is None
    assert not await redis.exists("release:serving")
