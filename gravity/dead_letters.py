"""Dead letters: records that no retry could handle, kept in Postgres with the reason.

They are written in the transaction that moves the position past them. Of each consumer the 10,000
newest are kept, for 30 days. Asked for, its running process handles one again in a transaction
that deletes it. Reasons hold nothing of the record.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from gravity.bus import Record
from gravity.bus_records import Place, packed_headers, unpacked_headers

KEPT: Final = 10_000
# A record that is refused again (a position was put back) is the same letter. Where the log is
# another one, the place is another record's: the newer one stays.
_PARK = """
insert into dead_letters as d
    (consumer, topic, partition, record_offset, key, value, headers, timestamp_ms, reason)
select $1, * from unnest($2::text[], $3::int[], $4::bigint[], $5::bytea[], $6::bytea[],
                         $7::bytea[], $8::bigint[], $9::text[])
on conflict (consumer, topic, partition, record_offset) do update set
    key = excluded.key, value = excluded.value, headers = excluded.headers,
    timestamp_ms = excluded.timestamp_ms, reason = excluded.reason,
    attempts = d.attempts + 1, replay = false
"""
_DROP = """
with dropped as (
    delete from dead_letters where consumer = $1 and id <= (
        select id from dead_letters where consumer = $1 order by id desc offset $2 limit 1)
    returning 1
), counted as (
    insert into dead_letters_dropped as c (consumer, dropped)
    select $1, count(*) from dropped having count(*) > 0
    on conflict (consumer) do update set dropped = c.dropped + excluded.dropped
)
select count(*) from dropped
"""
_NEXT = """
select id, topic, partition, record_offset, key, value, headers, timestamp_ms from dead_letters
where consumer = $1 and replay
  and (topic, partition) in (select * from unnest($2::text[], $3::int[]))
order by id limit 1
"""
_TAKE = "select id from dead_letters where id = $1 and replay for update"
_REFUSED_AGAIN = """
update dead_letters set attempts = attempts + 1, reason = $2, replay = false where id = $1
"""


@dataclass(frozen=True, slots=True)
class Refused:
    """A record, and why no retry can handle it."""

    record: Record
    reason: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A stored one."""

    id: int
    record: Record


async def park(conn: asyncpg.Connection, consumer: str, refused: Sequence[Refused]) -> int:
    """Keep records in the caller's transaction; returns how many older ones were dropped."""
    records = [each.record for each in refused]
    await conn.execute(
        _PARK,
        consumer,
        [record.topic for record in records],
        [record.partition for record in records],
        [record.offset for record in records],
        [record.key for record in records],
        [record.value for record in records],
        [packed_headers(record.headers) for record in records],
        [record.timestamp_ms for record in records],
        [each.reason for each in refused],
    )
    dropped: int = await conn.fetchval(_DROP, consumer, KEPT)
    return dropped


async def forget(conn: asyncpg.Connection, keys: Sequence[bytes]) -> None:
    """Delete the letters whose records have one of these keys, in the caller's transaction."""
    await conn.execute("delete from dead_letters where key = any($1::bytea[])", keys)


async def next_to_replay(
    conn: asyncpg.Connection, consumer: str, places: Collection[Place]
) -> Letter | None:
    """The oldest letter of these places that is to be handled again."""
    row = await conn.fetchrow(_NEXT, consumer, [t for t, _ in places], [n for _, n in places])
    if row is None:
        return None
    record = Record(
        row["topic"],
        row["partition"],
        row["record_offset"],
        row["key"],
        row["value"],
        unpacked_headers(row["headers"]),
        row["timestamp_ms"],
    )
    return Letter(row["id"], record)


async def take(conn: asyncpg.Connection, letter: Letter) -> bool:
    """Lock a letter until the transaction ends; false where it is not to be handled any more."""
    return await conn.fetchval(_TAKE, letter.id) is not None


async def handled(conn: asyncpg.Connection, letter: Letter) -> None:
    """Delete a letter."""
    await conn.execute("delete from dead_letters where id = $1", letter.id)


async def refused_again(conn: asyncpg.Connection, letter: Letter, reason: str) -> None:
    """Keep a letter, with the reason of now."""
    await conn.execute(_REFUSED_AGAIN, letter.id, reason)
