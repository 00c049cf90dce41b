"""Entitling a person: the row, its history and the event in one transaction."""

from datetime import datetime
from typing import Final

import asyncpg
from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import BILLING_ENTITLED, person_key
from features.person_row import person_row_key
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
    """Give a person a `Tier`, with a boost until a time or none. Raises PersonUnknown."""
    if not await redis.exists(person_row_key(person)):
        raise PersonUnknown(person)
    async with pool.acquire() as conn, conn.transaction():
        # The row's lock puts concurrent changes of one person in an order.
        await conn.execute(_ENTITLE, person, tier, boost_until, now)
        await conn.execute(_RECORD, person, tier, boost_until, now)
        await outbox.put(conn, LANE, [_message(person, tier, boost_until, now)])


def _message(person: int, tier: int, boost_until: datetime | None, now: datetime) -> Message:
    event = events.BillingEntitled(
        event_id=new_event_id(now),
        occurred_at_ms=int(now.timestamp() * 1000),
        person=person,
        tier=events.Tier.ValueType(tier),
        boost_until_ms=int(boost_until.timestamp() * 1000) if boost_until else 0,
    )
    return Message(BILLING_ENTITLED.name, person_key(person), event.SerializeToString())
