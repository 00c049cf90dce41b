"""Deciding about a person: the record and the event in one transaction, then the withdrawn set.

The set in Redis always follows the standing row, under that row's lock, so that neither a command
nor a late event can undo a newer decision.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

import asyncpg
from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import SAFETY_DECIDED, person_key
from features.news import tell_standing
from features.person_row import person_row_key
from features.wire import packed, send_all
from gravity import outbox
from gravity.bus import Message
from gravity.ids import new_event_id

LANE: Final = "safety"
WITHDRAWN: Final = b"withdrawn"
ERASED: Final = b"{withdrawn}:erased"
"""Set that identity writes with the withdrawn set: those whom nothing puts back."""

# One step, so that an erasure cannot come between the look and the removal.
_PUT_BACK: Final = b"""
if redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 1 then return 0 end
return redis.call('SREM', KEYS[1], ARGV[1])
"""
DECISIONS: Final = {
    "ban": events.SAFETY_DECISION_BANNED,
    "shadow-ban": events.SAFETY_DECISION_SHADOW_BANNED,
    "lift": events.SAFETY_DECISION_LIFTED,
}
_STAND: Final = """
insert into safety_standing as s (person, decision, decided_at) values ($1, $2, $3)
on conflict (person) do update set decision = excluded.decision, decided_at = excluded.decided_at
"""
_RECORD: Final = """
insert into safety_decisions (person, decision, reason, decided_at) values ($1, $2, $3, $4)
"""
_ERASED: Final = """
insert into safety_standing as s (person, decision, decided_at, erased)
select person, $2, now(), true from unnest($1::bigint[]) as e(person) order by person
on conflict (person) do update set erased = true
"""
_STANDING: Final = f"""
select person, erased or decision <> {events.SAFETY_DECISION_LIFTED} as withdrawn
from safety_standing where person = any($1::bigint[]) order by person for update
"""  # noqa: S608


class PersonUnknown(Exception):
    """There is no such person."""


class ReasonMissing(Exception):
    """Every decision about a person needs a reason."""


async def decide(
    pool: asyncpg.Pool, redis: Redis, person: int, decision: int, reason: str, now: datetime
) -> None:
    """Record, publish and enforce a `SafetyDecision`; on return every later deck obeys it.

    Raises PersonUnknown, ReasonMissing.
    """
    if not reason.strip():
        raise ReasonMissing
    if not await redis.exists(person_row_key(person)):
        raise PersonUnknown(person)
    async with pool.acquire() as conn:
        async with conn.transaction():
            # The row's lock puts concurrent decisions about one person in an order.
            await conn.execute(_STAND, person, decision, now)
            await conn.execute(_RECORD, person, decision, reason.strip(), now)
            await outbox.put(conn, LANE, [_message(person, decision, reason.strip(), now)])
        async with conn.transaction():
            await enforce(conn, redis, [person])


async def erased(conn: asyncpg.Connection, persons: Collection[int]) -> None:
    """Note that people were erased, so that no lift shows them again; idempotent."""
    await conn.execute(_ERASED, sorted(persons), events.SAFETY_DECISION_UNSPECIFIED)


async def enforce(conn: asyncpg.Connection, redis: Redis, persons: Collection[int]) -> None:
    """Make the withdrawn set what the standing of `persons` says, in the caller's transaction."""
    rows = await conn.fetch(_STANDING, sorted(persons))
    enforcing = (_enforcing(b"%d" % row["person"], row["withdrawn"]) for row in rows)
    await send_all(redis, [command for commands in enforcing for command in commands])


def _enforcing(person: bytes, withdrawn: bool) -> list[bytes]:
    if withdrawn:
        # The message reaches those who hold the person's card.
        told = (packed(b"PUBLISH", WITHDRAWN, person), tell_standing(person))
        return [packed(b"SADD", WITHDRAWN, person), *told]
    # `erased` of the row knows only of erasures that were read; the set knows of all.
    back = packed(b"EVAL", _PUT_BACK, b"2", WITHDRAWN, ERASED, person)
    return [back, tell_standing(person)]


def _message(person: int, decision: int, reason: str, now: datetime) -> Message:
    event = events.SafetyDecided(
        event_id=new_event_id(now),
        occurred_at_ms=int(now.timestamp() * 1000),
        person=person,
        decision=events.SafetyDecision.ValueType(decision),
        reason=reason,
    )
    return Message(SAFETY_DECIDED.name, person_key(person), event.SerializeToString())
