"""Erasing a person: nobody sees them again from the return on; each service removes its own part
when it reads person.erased."""

from datetime import datetime
from typing import Final

import asyncpg
from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import PERSON_ERASED, person_key
from features.news import tell_standing
from features.person_row import person_row_key
from features.wire import packed, send_all
from gravity import outbox
from gravity.bus import Message
from gravity.ids import new_event_id

LANE: Final = "identity"
_REQUEST: Final = """
insert into erasures (person, requested_at) values ($1, $2) on conflict do nothing returning person
"""


class PersonUnknown(Exception):
    """There is no such person, and never was one who was erased."""


async def erase(pool: asyncpg.Pool, redis: Redis, person: int, now: datetime) -> bool:
    """Erase a person for good; False where that was asked for before (it is enforced again).

    Raises PersonUnknown.
    """
    known = await redis.exists(person_row_key(person))
    async with pool.acquire() as conn, conn.transaction():
        first = await conn.fetchval(_REQUEST, person, now) is not None
        if first and not known:
            # Rolls the request back.
            raise PersonUnknown(person)
        if first:
            await outbox.put(conn, LANE, [_message(person, now)])
    await withdraw(redis, [person])
    return first


async def withdraw(redis: Redis, persons: list[int]) -> None:
    """Let nobody see erased people; idempotent. No lift of a ban puts them back."""
    members = [b"%d" % person for person in persons]
    sets = (b"{withdrawn}:erased", b"withdrawn") if members else ()
    await send_all(redis, [packed(b"SADD", name, *members) for name in sets])
    # Reaches those who hold a card of theirs, and the indexes.
    await send_all(redis, [packed(b"PUBLISH", b"withdrawn", member) for member in members])
    await send_all(redis, map(tell_standing, members))


def _message(person: int, now: datetime) -> Message:
    event = events.PersonErased(
        event_id=new_event_id(now),
        occurred_at_ms=int(now.timestamp() * 1000),
        person=person,
    )
    return Message(PERSON_ERASED.name, person_key(person), event.SerializeToString())
