"""The feature stream takes turns with whoever rebuilds or recounts what it keeps, by a lock.

A rebuild replaces counts by those of the lake's swipes, and marks just these as applied. That is
exact if meanwhile nothing is applied, and if the lake holds all that was: the stream must not go on
from behind swipes that the rebuild never saw. A recount compares the two where both are as far.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from contracts.topics import PERSON_ERASED, SWIPE_RECORDED, Topic
from features.lake_writer import consumer_name

STREAM: Final = "features"
_BEHAVIOUR: Final = 0x62656861
_TIMEOUT_S: Final = 600.0
_POLL_S: Final = 0.2
_PARTITIONS_BEHIND: Final = """
select count(*) from positions s
left join positions l on l.consumer = $2 and l.topic = s.topic and l.partition = s.partition
where s.consumer = $1 and s.topic = $3 and s.next_offset > coalesce(l.next_offset, 0)
"""
_POSITIONS: Final = """
select topic, partition, next_offset from positions
where consumer = $1 and topic = $2 and next_offset > 0
"""


class LakeBehind(Exception):
    """The stream has applied swipes that did not come to the lake in time; or the other way."""


async def hold_off_rebuilds(conn: asyncpg.Connection) -> None:
    """Let no rebuild begin until the transaction ends; other consumers go on."""
    await conn.execute("select pg_advisory_xact_lock_shared($1)", _BEHAVIOUR, timeout=_TIMEOUT_S)


async def hold_off_stream(conn: asyncpg.Connection) -> None:
    """Let the stream apply nothing until the transaction ends."""
    await conn.execute("select pg_advisory_xact_lock($1)", _BEHAVIOUR, timeout=_TIMEOUT_S)


async def until_lake_has_all(
    conn: asyncpg.Connection, wait_s: float, consumer: str = STREAM, topic: Topic = SWIPE_RECORDED
) -> None:
    """Return when everything of a topic that a consumer applied is in the lake, by default every
    swipe that the stream did. Raises LakeBehind."""
    lake = consumer_name(topic)
    try:
        async with asyncio.timeout(wait_s):
            # What is awaited is in the database.
            while await conn.fetchval(  # noqa: ASYNC110
                _PARTITIONS_BEHIND, consumer, lake, topic.name
            ):
                await asyncio.sleep(_POLL_S)
    except TimeoutError as error:
        what = "swipes that count" if topic == SWIPE_RECORDED else f"{topic.name} that is applied"
        raise LakeBehind(
            f"the lake lacks {what} already: start the consumers and run it again"
        ) from error


@asynccontextmanager
async def both_at_rest(
    pool: asyncpg.Pool, wait_s: float
) -> AsyncIterator[Mapping[tuple[str, int], int]]:
    """Hold off the stream once it is as far as the lake, in swipes and in erasures.

    Gives the next offset of both by (topic, partition). Raises LakeBehind.
    """
    ends = asyncio.get_running_loop().time() + wait_s
    while True:
        async with pool.acquire() as conn, conn.transaction():
            await hold_off_stream(conn)
            reached = await _reached_by_both(conn)
            if reached is not None:
                yield reached
                return
        if asyncio.get_running_loop().time() > ends:
            raise LakeBehind(
                "the lake and the counts are not equally far: let the consumers come to rest first"
            )
        await asyncio.sleep(_POLL_S)


async def _reached_by_both(conn: asyncpg.Connection) -> dict[tuple[str, int], int] | None:
    by_stream: dict[tuple[str, int], int] = {}
    by_lake: dict[tuple[str, int], int] = {}
    for topic in (SWIPE_RECORDED, PERSON_ERASED):
        for consumer, found in ((STREAM, by_stream), (consumer_name(topic), by_lake)):
            rows = await conn.fetch(_POSITIONS, consumer, topic.name)
            found |= {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
    return by_stream if by_stream == by_lake else None
