"""What operators ask of dead letters: to see them, and to have them handled again."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

_LIST = """
select id, consumer, topic, partition, record_offset as "offset", reason, attempts, at, key, value
from dead_letters where $1::text is null or consumer = $1 order by id desc
"""
_MARK = """
update dead_letters set replay = true
where ($1::bigint[] is null or id = any($1)) and ($2::text is null or consumer = $2)
returning id
"""
_LEFT = """
select replay, array_agg(distinct consumer order by consumer) as consumers, count(*) as count
from dead_letters where id = any($1) group by replay
"""
_POLL_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Listed:
    """A letter as operators see it; `key` and `value` may be somebody's data."""

    id: int
    consumer: str
    topic: str
    partition: int
    offset: int
    reason: str
    attempts: int
    at: datetime
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of letters that were to be handled again; of which consumers some wait."""

    handled: int
    refused: int
    waiting: int
    consumers_waiting: tuple[str, ...]


async def listed(conn: asyncpg.Connection, consumer: str | None) -> list[Listed]:
    """The letters of a consumer, or of all, the newest first."""
    return [Listed(**row) for row in await conn.fetch(_LIST, consumer)]


async def dropped(conn: asyncpg.Connection, consumer: str | None) -> dict[str, int]:
    """How many were dropped for newer ones, by consumer."""
    rows = await conn.fetch(
        "select * from dead_letters_dropped where $1::text is null or consumer = $1", consumer
    )
    return {row["consumer"]: row["dropped"] for row in rows}


async def mark(
    conn: asyncpg.Connection, ids: Sequence[int] | None, consumer: str | None
) -> list[int]:
    """Ask for letters to be handled again: of these ids, or of a consumer, or all.

    Returns the ids of those there are.
    """
    return [row["id"] for row in await conn.fetch(_MARK, ids or None, consumer)]


async def outcome(conn: asyncpg.Connection, ids: Sequence[int], timeout_s: float) -> Outcome:
    """Wait until marked letters are handled or refused again, for `timeout_s` at most."""
    until = asyncio.get_running_loop().time() + timeout_s
    while True:
        left = {row["replay"]: row for row in await conn.fetch(_LEFT, ids)}
        waiting = left[True]["count"] if True in left else 0
        if not waiting or asyncio.get_running_loop().time() >= until:
            refused = left[False]["count"] if False in left else 0
            names = tuple(left[True]["consumers"]) if waiting else ()
            return Outcome(len(ids) - waiting - refused, refused, waiting, names)
        await asyncio.sleep(_POLL_S)
