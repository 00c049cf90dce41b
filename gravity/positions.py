"""Positions of consumers on the bus, kept in Postgres beside the effects they stand for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from gravity.bus_records import Place, Record

_REGISTER = """
insert into positions (consumer, topic, partition, next_offset)
select $1, topic, partition, 0 from unnest($2::text[], $3::int[]) as t(topic, partition)
on conflict do nothing
"""
_LOAD = """
select topic, partition, next_offset from positions
where consumer = $1 and (topic, partition) in (select * from unnest($2::text[], $3::int[]))
"""
_ADVANCE = """
update positions p set next_offset = m.new
from unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[]) as m(topic, partition, old, new),
  (select set_config('idle_in_transaction_session_timeout', $6, true)) as paused
where p.consumer = $1 and p.topic = m.topic and p.partition = m.partition
  and p.next_offset = m.old
"""
_LOCK = """
select set_config('idle_in_transaction_session_timeout', $4, true) from positions
where consumer = $1 and topic = $2 and partition = $3 for update
"""
_LOWEST = """
select topic, partition, min(next_offset) as needed, array_agg(name) as names from (
    select consumer as name, topic, partition, next_offset from positions
    union all select 'hold:' || name, topic, partition, next_offset from position_holds) as p
group by topic, partition
"""


class Displaced(Exception):
    """Another process moved this consumer's position: nothing of ours may be committed."""


@dataclass(frozen=True, slots=True)
class Move:
    """One partition's step: from the position that was read to the next offset to read."""

    topic: str
    partition: int
    old: int
    new: int


async def load(
    conn: asyncpg.Connection, consumer: str, places: Collection[Place]
) -> dict[Place, int]:
    """The next offset of every place; a new consumer starts at 0."""
    topics, partitions = [topic for topic, _ in places], [n for _, n in places]
    await conn.execute(_REGISTER, consumer, topics, partitions)
    rows = await conn.fetch(_LOAD, consumer, topics, partitions)
    return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}


async def advance(
    conn: asyncpg.Connection, consumer: str, moves: Sequence[Move], idle_s: float = 30.0
) -> None:
    """Compare-and-set every position; to be the first statement of the effects' transaction.

    The rows stay locked until commit, so a second consumer of the same name waits and then fails.
    A process that is paused in between would let it wait for ever: after `idle_s` without a
    statement Postgres ends the transaction, and the connection with it.
    Raises Displaced if any position is not the one that was read.
    """
    ordered = sorted(moves, key=lambda move: (move.topic, move.partition))
    status = await conn.execute(
        _ADVANCE,
        consumer,
        [move.topic for move in ordered],
        [move.partition for move in ordered],
        [move.old for move in ordered],
        [move.new for move in ordered],
        _milliseconds(idle_s),
    )
    if int(status.split()[-1]) != len(ordered):
        raise Displaced(consumer)


async def lock(conn: asyncpg.Connection, consumer: str, record: Record, idle_s: float) -> None:
    """Keep everybody else from moving the position of the record's partition, as `advance` does."""
    await conn.execute(_LOCK, consumer, record.topic, record.partition, _milliseconds(idle_s))


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))


async def hold(conn: asyncpg.Connection, name: str, offsets: Mapping[tuple[str, int], int]) -> None:
    """Keep every record from these offsets on, whatever the consumers have read."""
    await conn.executemany(
        """insert into position_holds (name, topic, partition, next_offset)
           values ($1, $2, $3, $4) on conflict (name, topic, partition)
           do update set next_offset = excluded.next_offset""",
        [(name, topic, partition, offset) for (topic, partition), offset in offsets.items()],
    )


async def let_go(conn: asyncpg.Connection, name: str) -> None:
    """End a hold."""
    await conn.execute("delete from position_holds where name = $1", name)


async def holds(conn: asyncpg.Connection) -> list[str]:
    """The names of all holds."""
    return [row["name"] for row in await conn.fetch("select distinct name from position_holds")]


async def lowest(
    conn: asyncpg.Connection, consumers: Mapping[str, Collection[str]]
) -> dict[tuple[str, int], int]:
    """The lowest offset that anyone still needs, by (topic, partition).

    `consumers`: the names that must have read a topic, by topic. A partition on which one of them
    has no position yet is absent, and so are topics that nobody is known to read.
    """
    rows = await conn.fetch(_LOWEST)
    return {
        (row["topic"], row["partition"]): row["needed"]
        for row in rows
        if row["topic"] in consumers and set(consumers[row["topic"]]) <= set(row["names"])
    }
