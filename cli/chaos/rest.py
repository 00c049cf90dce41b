"""Waiting until everything that was set going has come to rest."""

import asyncio
from dataclasses import dataclass
from typing import Final

import asyncpg

from cli.chaos.observer import TOPICS, Observer
from cli.chaos.verdict import Stored

_QUIET_S: Final = 4.0
_LOOK_S: Final = 0.25
_LONGEST_S: Final = 240.0
_POSITIONS: Final = """
select consumer, topic, partition, next_offset from positions where topic = any($1::text[])
"""
_MATCHER: Final = "select coalesce(sum(next_offset), 0) from positions where consumer = 'matcher'"


class NotAtRest(Exception):
    """Something is still under way, minutes after the last request."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What is under way at a moment: two equal ones that lie apart mean that nothing is."""

    outbox: int
    matcher: int
    told: int
    behind: int


async def until_at_rest(pool: asyncpg.Pool, observer: Observer) -> None:
    """Return when the outbox is empty, the matcher stands still, and every consumer has read what
    the observer has. Raises NotAtRest."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _LONGEST_S
    last, since = None, loop.time()
    while True:
        look = await _look(pool, observer)
        if look != last:
            last, since = look, loop.time()
        elif not look.outbox and not look.behind and loop.time() - since >= _QUIET_S:
            return
        if loop.time() > deadline:
            raise NotAtRest(f"not at rest after {_LONGEST_S:.0f} s: {look}")
        await asyncio.sleep(_LOOK_S)


async def _look(pool: asyncpg.Pool, observer: Observer) -> _Look:
    rows = await pool.fetch(_POSITIONS, [topic.name for topic in TOPICS])
    behind = sum(row["next_offset"] < observer.next[row["topic"], row["partition"]] for row in rows)
    return _Look(
        outbox=await pool.fetchval("select count(*) from outbox"),
        matcher=int(await pool.fetchval(_MATCHER)),
        told=sum(observer.next.values()),
        behind=behind,
    )


async def read_stored(pool: asyncpg.Pool) -> Stored:
    """All swipes and matches of a database that is at rest."""
    swipes = await pool.fetch("select swiper, swiped, action from swipes where action <> 0")
    matches = await pool.fetch("select low, high, match_id, ended_at from matches")
    members = await pool.fetch("select person, other, match_id, ended_at from match_members")
    return Stored(
        swipes={(r["swiper"], r["swiped"]): r["action"] for r in swipes},
        standing={(r["low"], r["high"]): str(r["match_id"]) for r in matches if not r["ended_at"]},
        matches={(r["low"], r["high"]): str(r["match_id"]) for r in matches},
        members={
            (r["person"], r["other"]): str(r["match_id"]) for r in members if not r["ended_at"]
        },
    )
