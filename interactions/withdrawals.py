"""Who matches nobody: banned, shadow-banned and erased people, from the events about them."""

from collections.abc import Sequence
from typing import Final

import asyncpg
from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import PERSON_ERASED, SAFETY_DECIDED
from features.wire import packed, send_all
from gravity.bus import Record
from gravity.consumer import Subscription
from interactions import keys
from interactions.commands import at, check_time

NAME: Final = "withdrawals"
_DECIDED: Final = """
insert into withdrawn_persons as w (person, decided_at, withdrawn) values ($1, $2, $3)
on conflict (person) do update
    set decided_at = excluded.decided_at, withdrawn = excluded.withdrawn or w.erased
    where excluded.decided_at >= w.decided_at
"""
_ERASED: Final = """
insert into withdrawn_persons as w (person, decided_at, withdrawn, erased)
values ($1, $2, true, true)
on conflict (person) do update set withdrawn = true, erased = true
"""
_OTHERS: Final = """
select swiped as other from swipes where swiper = $1
union select other from match_members where person = $1
"""


def subscription(redis: Redis) -> Subscription:
    """Withdrawals as a consumer."""

    async def handle(conn: asyncpg.Connection, records: Sequence[Record]) -> None:
        for record in records:
            if record.topic == SAFETY_DECIDED.name:
                decided = events.SafetyDecided.FromString(record.value)
                check_time(record, decided.occurred_at_ms)
                await _decided(conn, decided)
            else:
                erased = events.PersonErased.FromString(record.value)
                check_time(record, erased.occurred_at_ms)
                await _erased(conn, redis, erased)

    return Subscription(NAME, (SAFETY_DECIDED, PERSON_ERASED), handle)


async def _decided(conn: asyncpg.Connection, event: events.SafetyDecided) -> None:
    withdrawn = event.decision != events.SAFETY_DECISION_LIFTED
    await conn.execute(_DECIDED, event.person, at(event.occurred_at_ms), withdrawn)


async def _erased(conn: asyncpg.Connection, redis: Redis, event: events.PersonErased) -> None:
    """The person's keys go, and the person goes from the lists of others.

    The rows of their pairs stay for now: removing those is one command for each pair.
    """
    person = event.person
    await conn.execute(_ERASED, person, at(event.occurred_at_ms))
    others = [row["other"] for row in await conn.fetch(_OTHERS, person)]
    member = b"%d" % person
    lists = (keys.likes, keys.matches)
    await send_all(
        redis, (packed(b"ZREM", key(o).encode(), member) for o in others for key in lists)
    )
    own = (keys.seen, keys.likes, keys.matches, keys.blocked, keys.episodes, keys.open_swipes)
    await send_all(redis, (packed(b"DEL", key(person).encode()) for key in own))
