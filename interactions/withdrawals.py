"""Who matches nobody: banned, shadow-banned and erased people, from the events about them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import asyncpg
from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import PERSON_ERASED, SAFETY_DECIDED
from gravity.bus import Record
from gravity.consumer import Subscription
from interactions.commands import at, check_time
from interactions.erasure import erase
from interactions.locks import lock_out_matchers
from interactions.read_side import restore_likes

NAME: Final = "withdrawals"
_LONGEST_S: Final = 900.0
_DECIDED: Final = """
insert into withdrawn_persons as w (person, decided_at, withdrawn) values ($1, $2, $3)
on conflict (person) do update
    set decided_at = excluded.decided_at, withdrawn = excluded.withdrawn or w.erased
    where excluded.decided_at >= w.decided_at
returning withdrawn
"""


def subscription(redis: Redis, clock: Callable[[], datetime]) -> Subscription:
    """Withdrawals as a consumer."""

    async def handle(conn: asyncpg.Connection, records: Sequence[Record]) -> None:
        for record in records:
            if record.topic == SAFETY_DECIDED.name:
                decided = events.SafetyDecided.FromString(record.value)
                check_time(record, decided.occurred_at_ms)
                await _decided(conn, redis, decided)
            else:
                erased = events.PersonErased.FromString(record.value)
                check_time(record, erased.occurred_at_ms)
                await erase(conn, redis, erased.person, erased.occurred_at_ms, clock())

    # One at a time, since an erasure holds the matchers out until its transaction ends; and it may
    # have a hundred thousand lists of others to go through meanwhile.
    return Subscription(
        NAME, (SAFETY_DECIDED, PERSON_ERASED), handle, max_records=1, idle_s=_LONGEST_S
    )


async def _decided(conn: asyncpg.Connection, redis: Redis, event: events.SafetyDecided) -> None:
    lifted = event.decision == events.SAFETY_DECISION_LIFTED
    if lifted:
        # What a matcher decides meanwhile is either read here, or decided without the ban.
        await lock_out_matchers(conn)
    withdrawn = await conn.fetchval(_DECIDED, event.person, at(event.occurred_at_ms), not lifted)
    if lifted and withdrawn is False:
        # Likes to and from somebody withdrawn are recorded, and nobody is told of them.
        await restore_likes(redis, conn, event.person)
