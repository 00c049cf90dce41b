"""Entitling a person: the row, its history and the event in one transaction, then the tier's key.

The key in Redis always follows the row, under that row's lock, so that neither a command nor a late
event can undo a newer change.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

import asyncpg
from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import BILLING_ENTITLED, person_key
from features.person_row import person_row_key
from features.wire import packed, send_all
from gravity import outbox
from gravity.bus import Message
from gravity.ids import new_event_id

LANE: Final = "billing"
TIERS: Final = {
    "free": events.TIER_FREE,
    "plus": events.TIER_PLUS,
    "gold": events.TIER_GOLD,
}
_ENTITLE: Final = """
insert into entitlements (person, tier, boost_until, since) values ($1, $2, $3, $4)
on conflict (person) do update
    set tier = excluded.tier, boost_until = excluded.boost_until, since = excluded.since
"""
_RECORD: Final = """
insert into entitlement_changes (person, tier, boost_until, changed_at) values ($1, $2, $3, $4)
"""


_STANDING: Final = """
select person, tier from entitlements where person = any($1::bigint[]) order by person for share
"""
_NEXT: Final = "select person from entitlements where person > $1 order by person limit $2"
_BATCH: Final = 1000


class PersonUnknown(Exception):
    """There is no such person."""


async def entitle(
    pool: asyncpg.Pool,
    redis: Redis,
    person: int,
    tier: int,
    now: datetime,
    boost_until: datetime | None = None,
) -> None:
    """Give a person a `Tier`, with a boost until a time or none; on return it counts.

    Raises PersonUnknown; RedisError after it is recorded: the consumer then writes the key.
    """
    if not await redis.exists(person_row_key(person)):
        raise PersonUnknown(person)
    async with pool.acquire() as conn:
        async with conn.transaction():
            # The row's lock puts concurrent changes of one person in an order.
            await conn.execute(_ENTITLE, person, tier, boost_until, now)
            await conn.execute(_RECORD, person, tier, boost_until, now)
            await outbox.put(conn, LANE, [_message(person, tier, boost_until, now)])
        async with conn.transaction():
            await write_tiers(conn, redis, [person])


async def write_tiers(conn: asyncpg.Connection, redis: Redis, persons: Collection[int]) -> None:
    """Make the keys of `persons` what their rows say, in the caller's transaction."""
    rows = await conn.fetch(_STANDING, list(persons))
    tiers = {row["person"]: row["tier"] for row in rows}
    await send_all(redis, [_written(person, tiers.get(person)) for person in persons])


async def restore_tiers(pool: asyncpg.Pool, redis: Redis) -> int:
    """Write everybody's key again, while serving; how many."""
    last = done = 0
    async with pool.acquire() as conn:
        while found := await conn.fetch(_NEXT, last, _BATCH):
            async with conn.transaction():
                await write_tiers(conn, redis, [row["person"] for row in found])
            last, done = found[-1]["person"], done + len(found)
    return done


def _written(person: int, tier: int | None) -> bytes:
    key = b"tier:{%d}" % person
    return packed(b"DEL", key) if tier is None else packed(b"SET", key, b"%d" % tier)


def _message(person: int, tier: int, boost_until: datetime | None, now: datetime) -> Message:
    event = events.BillingEntitled(
        event_id=new_event_id(now),
        occurred_at_ms=int(now.timestamp() * 1000),
        person=person,
        tier=events.Tier.ValueType(tier),
        boost_until_ms=int(boost_until.timestamp() * 1000) if boost_until else 0,
    )
    return Message(BILLING_ENTITLED.name, person_key(person), event.SerializeToString())
