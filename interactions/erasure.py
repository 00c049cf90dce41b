"""Erasing what a person did and what was done to them: one command for each direction of each pair.

The commands travel with the pairs' own, so whatever is under way is decided before or after them.
What the read side holds goes here already, and again with the event of each pair.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

import asyncpg
from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import USER_SWIPES, pair_key, person_key
from features.wire import send_all
from gravity import dead_letters, outbox
from gravity.bus import Message
from interactions.commands import at
from interactions.domain import Pair, id_from
from interactions.locks import lock_out_matchers
from interactions.matcher import LANE
from interactions.read_updates import FORGET, deletion, forgetting

_CHUNK: Final = 5000
_TIMEOUT_S: Final = 600.0
_ERASED: Final = """
insert into withdrawn_persons as w (person, decided_at, withdrawn, erased)
values ($1, $2, true, true)
on conflict (person) do update set withdrawn = true, erased = true,
    decided_at = greatest(w.decided_at, excluded.decided_at)
"""
# The directions in which there is a swipe, and one of each pair in which there is none.
_DIRECTIONS: Final = """
with swiped as (
    select swiper as actor, swiped as target from swipes where swiper = $1
    union all select swiper, swiped from swipes where swiped = $1
), others as (
    select other from match_members where person = $1
    union select blocked from blocks where blocker = $1
    union select blocker from blocks where blocked = $1
)
select actor, target from swiped
union all select $1, other from others
where not exists (select from swiped where other in (actor, target))
order by actor, target
"""


async def erase(
    conn: asyncpg.Connection, redis: Redis, person: int, erased_ms: int, now: datetime
) -> int:
    """Begin the erasure of a person, in the caller's transaction; returns how many commands.

    From its commit on nothing is recorded of the person any more. Safe to repeat.
    """
    known = await _directions(conn, person)
    await _begin(conn, redis, person, known, erased_ms, now)
    # Matchers wait only from here on: what they recorded meanwhile is seen below, and everything
    # later sees the flag.
    await lock_out_matchers(conn)
    await conn.execute(_ERASED, person, at(erased_ms))
    new = sorted(set(await _directions(conn, person)).difference(known))
    await _begin(conn, redis, person, new, erased_ms, now)
    return len(known) + len(new)


async def _directions(conn: asyncpg.Connection, person: int) -> list[tuple[int, int]]:
    rows = await conn.fetch(_DIRECTIONS, person, timeout=_TIMEOUT_S)
    return [(row["actor"], row["target"]) for row in rows]


async def _begin(
    conn: asyncpg.Connection,
    redis: Redis,
    person: int,
    directions: Sequence[tuple[int, int]],
    erased_ms: int,
    now: datetime,
) -> None:
    await dead_letters.forget(conn, [person_key(person)])
    for chunk in _chunks(directions):
        await outbox.put(conn, LANE, [_command(a, b, erased_ms) for a, b in chunk])
        await dead_letters.forget(conn, [pair_key(a, b) for a, b in chunk])
    await _forget(redis, person, directions, now)


def _chunks(directions: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    rest = iter(directions)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


def _command(actor: int, target: int, erased_ms: int) -> Message:
    command = events.PairCommand(
        event_id=id_from(erased_ms, f"erase:{actor}:{target}".encode()),
        occurred_at_ms=erased_ms,
        actor=actor,
        target=target,
        erase=events.ErasePair(),
    )
    return Message(USER_SWIPES.name, pair_key(actor, target), command.SerializeToString())


async def _forget(
    redis: Redis, person: int, directions: Sequence[tuple[int, int]], now: datetime
) -> None:
    await redis.script_load(FORGET.text)
    pairs = dict.fromkeys(Pair.of(a, b) for a, b in directions)
    gone = frozenset({person})
    await send_all(redis, (part for pair in pairs for part in forgetting(pair, gone)))
    await send_all(redis, [deletion(person, now)])
