"""Bans hold when the command returns, whatever is delivered late."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from redis.asyncio import Redis

from contracts import events_pb2 as events
from features.news import STANDING
from features.wire import run
from gravity.bus import Record
from gravity.postgres import migrate
from identity.erasure import erase
from safety.app import handler
from safety.decisions import DECISIONS, PersonUnknown, ReasonMissing, decide
from tests.features.news import hearing

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def safe(pool: asyncpg.Pool, redis: Redis) -> asyncpg.Pool:
    for package in ("gravity", "safety"):
        await migrate(pool, package)
    await redis.set("person:{7}", b"x")
    return pool


async def do(pool: asyncpg.Pool, redis: Redis, verb: str, minute: int = 0) -> None:
    await decide(pool, redis, 7, DECISIONS[verb], "spam", NOW + timedelta(minutes=minute))


async def deliver(pool: asyncpg.Pool, redis: Redis, *records: Record) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await handler(redis)(conn, records)


async def published(pool: asyncpg.Pool) -> list[Record]:
    rows = await pool.fetch("select * from outbox where lane = 'safety' order by id")
    return [Record(row["topic"], 0, row["id"], row["key"], row["value"]) for row in rows]


@pytest.mark.parametrize("verb", ["ban", "shadow-ban"])
async def test_a_ban_withdraws_and_a_lift_puts_back(
    safe: asyncpg.Pool, redis: Redis, verb: str
) -> None:
    await do(safe, redis, verb)
    assert await run(redis.smembers("withdrawn")) == {b"7"}
    await do(safe, redis, "lift", 1)
    assert await run(redis.smembers("withdrawn")) == set()
    history = await safe.fetch("select decision, reason from safety_decisions order by id")
    assert [tuple(row) for row in history] == [
        (DECISIONS[verb], "spam"),
        (events.SAFETY_DECISION_LIFTED, "spam"),
    ]
    told = [events.SafetyDecided.FromString(r.value).decision for r in await published(safe)]
    assert told == [DECISIONS[verb], events.SAFETY_DECISION_LIFTED]


async def test_a_late_ban_does_not_undo_a_lift(safe: asyncpg.Pool, redis: Redis) -> None:
    await do(safe, redis, "ban")
    await do(safe, redis, "lift", 1)
    await deliver(safe, redis, (await published(safe))[0])
    assert await run(redis.smembers("withdrawn")) == set()


async def test_a_ban_killed_before_redis_is_enforced_by_its_event(
    safe: asyncpg.Pool, redis: Redis
) -> None:
    await do(safe, redis, "ban")
    await redis.delete("withdrawn")
    await deliver(safe, redis, *await published(safe))
    assert await run(redis.smembers("withdrawn")) == {b"7"}


async def test_nothing_puts_an_erased_person_back(safe: asyncpg.Pool, redis: Redis) -> None:
    await do(safe, redis, "ban")
    await do(safe, redis, "lift", 1)
    erased = events.PersonErased(person=7).SerializeToString()
    await deliver(safe, redis, Record("person.erased", 0, 0, b"", erased))
    await deliver(safe, redis, *await published(safe))
    assert await run(redis.smembers("withdrawn")) == {b"7"}


async def test_a_lift_before_the_erasure_is_read_puts_nobody_back(
    safe: asyncpg.Pool, redis: Redis
) -> None:
    await migrate(safe, "identity")
    await do(safe, redis, "ban")
    assert await erase(safe, redis, 7, NOW)
    await do(safe, redis, "lift", 1)
    await deliver(safe, redis, *await published(safe))
    assert await run(redis.smembers("withdrawn")) == {b"7"}


async def test_unknown_people_and_missing_reasons_are_refused(
    safe: asyncpg.Pool, redis: Redis
) -> None:
    with pytest.raises(PersonUnknown):
        await decide(safe, redis, 8, DECISIONS["ban"], "spam", NOW)
    with pytest.raises(ReasonMissing):
        await decide(safe, redis, 7, DECISIONS["ban"], "  ", NOW)
    assert await published(safe) == []


async def test_a_ban_a_lift_and_an_erasure_are_told_when_the_set_has_changed(
    safe: asyncpg.Pool, redis: Redis
) -> None:
    await migrate(safe, "identity")
    async with hearing(redis) as heard:
        for act, stands in (("ban", 1), ("lift", 0), ("shadow-ban", 1), ("lift", 0)):
            await do(safe, redis, act)
            assert await heard() == (STANDING, b"7")
            assert await run(redis.sismember("withdrawn", "7")) == stands
        await erase(safe, redis, 7, NOW)
        assert await heard() == (STANDING, b"7")
        assert await run(redis.sismember("withdrawn", "7")) == 1
