"""The sweep: what nobody has tried to append for ten minutes gets its place back.

It also ends what somebody began to take back and did not end.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg
from redis.asyncio import Redis

from features.wire import run
from gravity.bus import Producer
from interactions import keys
from interactions.reservations import SETTLE, settling
from interactions.scripts import Script, run_all
from interactions.taking_back import Entry, Mark, give_back

FORGET: Final = Script("forget_tried.lua")
PATIENCE: Final = timedelta(minutes=10)
_BATCH: Final = 200
_RECORDED: Final = """
select swiped, (date_part('epoch', swiped_at) * 1000)::bigint as at_ms
from swipes where swiper = $1 and swiped = any($2::bigint[]) and action <> 0
"""


async def sweep(redis: Redis, pool: asyncpg.Pool, producer: Producer, now: datetime) -> int:
    """Resolve the entries whose last attempt is ten minutes old; how many were taken back.

    Raises AppendFailed, RedisError: the next sweep goes on.
    """
    ended = 0
    cutoff = int((now - PATIENCE).timestamp() * 1000)
    for shard in range(keys.RESERVING_SHARDS):
        key = keys.reserving_shard(shard)
        while True:
            tried = await redis.zrangebyscore(
                key, "-inf", cutoff, start=0, num=_BATCH, withscores=True
            )
            for person, score in tried:
                found = await run(redis.hgetall(keys.open_swipes(int(person))))
                entries = {int(candidate): Entry.parse(text) for candidate, text in found.items()}
                stale = {c: entry for c, entry in entries.items() if entry.at_ms <= cutoff}
                ended += await resolve(redis, pool, producer, int(person), stale, now)
                await run_all(redis, [FORGET], [FORGET.call([key], [int(person), int(score)])])
            if len(tried) < _BATCH:
                break
    return ended


async def resolve(
    redis: Redis,
    pool: asyncpg.Pool,
    producer: Producer,
    person: int,
    entries: Mapping[int, Entry],
    now: datetime,
) -> int:
    """Settle the open swipes that were appended after all, by a process that died before it could;
    take the others back, and end what is on its way. Returns how many were taken back."""
    if not entries:
        return 0
    open_ones = [c for c, entry in entries.items() if entry.mark is Mark.OPEN]
    rows = await pool.fetch(_RECORDED, person, open_ones)
    # By its time: the row may be of an earlier swipe whose rewind the matcher has not read yet.
    recorded = {row["swiped"] for row in rows if row["at_ms"] == entries[row["swiped"]].first_ms}
    commands = [
        settling(person, [(entry.owner, candidate, entry.first_ms)], _time(entry.at_ms))
        for candidate, entry in entries.items()
        if candidate in recorded
    ]
    await run_all(redis, [SETTLE], commands)
    left = {candidate: e for candidate, e in entries.items() if candidate not in recorded}
    return await give_back(redis, pool, producer, person, left, now)


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
