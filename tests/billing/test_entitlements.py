"""What somebody is entitled to: the last word counts, every word is kept."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from redis.asyncio import Redis

from billing.entitlements import TIERS, PersonUnknown, entitle
from contracts import events_pb2 as events
from gravity.postgres import migrate

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def test_the_last_tier_counts_and_the_history_stays(pool: asyncpg.Pool, redis: Redis) -> None:
    for package in ("gravity", "billing"):
        await migrate(pool, package)
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
