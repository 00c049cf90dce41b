"""The feature stream and a rebuild of what it keeps take turns, by a lock in Postgres.

A rebuild replaces counts by those of the lake's swipes, and marks just these as applied. That is
exact if meanwhile nothing is applied, and if the lake holds all that was: the stream must not go on
from behind swipes that the rebuild never saw.
"""

import asyncio
from typing import Final

import asyncpg

from contracts.topics import SWIPE_RECORDED
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


class LakeBehind(Exception):
    """The stream has applied swipes that did not come to the lake in time."""


async def hold_off_rebuilds(conn: asyncpg.Connection) -> None:
    """Let no rebuild begin until the transaction ends; other consumers go on."""
    await conn.execute("select pg_advisory_xact_lock_shared($1)", _BEHAVIOUR, timeout=_TIMEOUT_S)


async def hold_off_stream(conn: asyncpg.Connection) -> None:
    """Let the stream apply nothing until the transaction ends."""
    await conn.execute("select pg_advisory_xact_lock($1)", _BEHAVIOUR, timeout=_TIMEOUT_S)


async def until_lake_has_all(conn: asyncpg.Connection, wait_s: float) -> None:
    """Return when every swipe that the stream applied is in the lake. Raises LakeBehind."""
    lake = consumer_name(SWIPE_RECORDED)
    try:
        async with asyncio.timeout(wait_s):
            # What is awaited is in the database.
            while await conn.fetchval(  # noqa: ASYNC110
                _PARTITIONS_BEHIND, STREAM, lake, SWIPE_RECORDED.name
            ):
                await asyncio.sleep(_POLL_S)
    except TimeoutError as error:
        raise LakeBehind(
            "the lake lacks swipes that count already: start the consumers and run it again"
        ) from error
