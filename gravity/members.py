"""Who runs a consumer now, and what each of them reads.

Every process says once a second, in one statement, which consumers it runs. Those seen within five
seconds are the members, and everybody deals the partitions to them by the same rule. For a moment
two may disagree; that costs one of them a batch, since positions move by compare-and-set.
"""

import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from gravity.bus_records import Place

BEAT_S: Final = 1.0
# Five seconds are longer than a database or an event loop hesitates on a busy machine.
_BEAT = """
with beat as (
    insert into consumer_members (consumer, member, seen_at)
    select name, $2, clock_timestamp() from unnest($1::text[]) as name
    on conflict (consumer, member) do update set seen_at = excluded.seen_at
), left_behind as (
    delete from consumer_members where seen_at < clock_timestamp() - interval '1 minute'
      and member <> $2
), expired as (
    delete from dead_letters where at < now() - interval '30 days'
)
select name as consumer,
    array(select member from consumer_members
          where consumer = name and seen_at > clock_timestamp() - interval '5 seconds') as members,
    exists (select from dead_letters where consumer = name and replay) as to_replay
from unnest($1::text[]) as name
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a beat found about a consumer: its members, and whether dead letters are asked for."""

    members: frozenset[str]
    to_replay: bool


async def beat(
    conn: asyncpg.Connection, member: str, consumers: Sequence[str], timeout_s: float
) -> dict[str, Seen]:
    """Say that `member` runs `consumers`, and see who else does; removes expired dead letters."""
    rows = await conn.fetch(_BEAT, consumers, member, timeout=timeout_s)
    return {
        row["consumer"]: Seen(frozenset(row["members"]) | {member}, row["to_replay"])
        for row in rows
    }


async def leave(conn: asyncpg.Connection, member: str) -> None:
    """Let the others take over at their next beat."""
    await conn.execute("delete from consumer_members where member = $1", member)


def dealt(
    consumer: str, places: Iterable[Place], members: Collection[str], member: str
) -> frozenset[Place]:
    """Those of a consumer's places that `member` reads.

    The same numbers of all topics go to one member, so that what concerns a key stays together.
    Each consumer begins with another member: most topics of one partition would have one reader.
    """
    ring = sorted(members)
    first = zlib.crc32(consumer.encode())
    return frozenset(
        (topic, partition)
        for topic, partition in places
        if ring[(first + partition) % len(ring)] == member
    )
