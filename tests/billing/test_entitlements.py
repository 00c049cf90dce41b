"""What somebody is entitled to: the last word counts, every word is kept."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from billing.app import subscriptions
from billing.entitlements import TIERS, PersonUnknown, entitle, restore_tiers
from contracts import events_pb2 as events
from contracts.topics import BILLING_ENTITLED, PERSON_ERASED
from gravity import issuer
from gravity.bus import Producer, Record
from gravity.kernel import Kernel
from gravity.postgres import migrate
from gravity.settings import Settings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def pool(pool: asyncpg.Pool) -> asyncpg.Pool:
    """A database with the tables of billing."""
    for package in ("gravity", "billing"):
        await migrate(pool, package)
    return pool


async def test_the_last_tier_counts_and_the_history_stays(pool: asyncpg.Pool, redis: Redis) -> None:
    await redis.set("person:{7}", b"x")
    await entitle(pool, redis, 7, TIERS["plus"], NOW, NOW + timedelta(hours=1))
    await entitle(pool, redis, 7, TIERS["gold"], NOW + timedelta(minutes=1))
    with pytest.raises(PersonUnknown):
        await entitle(pool, redis, 8, TIERS["gold"], NOW)
    rows = await pool.fetch("select person, tier, boost_until from entitlements")
    assert [tuple(row) for row in rows] == [(7, events.TIER_GOLD, None)]
    tiers = await pool.fetch("select tier from entitlement_changes order by id")
    assert [row["tier"] for row in tiers] == [events.TIER_PLUS, events.TIER_GOLD]
    told = await pool.fetch("select value from outbox where lane = 'billing' order by id")
    first = events.BillingEntitled.FromString(told[0]["value"])
    assert first.boost_until_ms == int((NOW + timedelta(hours=1)).timestamp() * 1000)


async def test_the_key_of_a_tier_counts_at_once_and_comes_back(
    pool: asyncpg.Pool, redis: Redis
) -> None:
    for person in (7, 8):
        await redis.set(f"person:{{{person}}}", b"x")
    await entitle(pool, redis, 7, TIERS["plus"], NOW)
    await entitle(pool, redis, 8, TIERS["gold"], NOW)
    assert await redis.mget("tier:{7}", "tier:{8}") == [b"2", b"3"]
    await entitle(pool, redis, 8, TIERS["free"], NOW)
    assert await redis.get("tier:{8}") == b"1"
    await redis.delete("tier:{7}", "tier:{8}")
    assert await restore_tiers(pool, redis) == 2
    assert await redis.mget("tier:{7}", "tier:{8}") == [b"2", b"1"]


async def test_the_consumer_writes_keys_as_the_rows_are_however_old_the_event(
    pool: asyncpg.Pool, redis: Redis
) -> None:
    for person in (7, 8):
        await redis.set(f"person:{{{person}}}", b"x")
        await entitle(pool, redis, person, TIERS["plus"], NOW)
    await entitle(pool, redis, 7, TIERS["gold"], NOW)
    await redis.delete("tier:{7}")
    rows = await pool.fetch("select key, value from outbox where lane = 'billing' order by id")
    told = [Record(BILLING_ENTITLED.name, 0, n, r["key"], r["value"]) for n, r in enumerate(rows)]
    erased = events.PersonErased(person=8).SerializeToString()

    settings = Settings(
        postgres_url="", redis_url="", bus_url="tansu://127.0.0.1:1",
        card_token_key=SecretStr("k" * 32), jwt_public_key=issuer.new_keys().public,
    )  # fmt: skip
    producer = Producer.open(settings.bus_url)
    (subscription,) = subscriptions(Kernel(settings, pool, redis, producer))
    async with pool.acquire() as conn, conn.transaction():
        await subscription.handle(conn, [*told[:1], Record(PERSON_ERASED.name, 0, 0, b"", erased)])
    await producer.close()
    assert await redis.mget("tier:{7}", "tier:{8}") == [b"3", None]
    assert await pool.fetchval("select count(*) from entitlements") == 1
