"""Bulk rebuild of behaviour in the online store from a whole table of swipes."""

import asyncio
from dataclasses import dataclass
from typing import Final

import asyncpg
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from redis.asyncio import Redis

from features import online
from features.fold_in import PASS
from features.history import HISTORY_LIMIT, SWIPE_DTYPE
from features.lake import read_swipes
from features.stream_lock import hold_off_stream, until_lake_has_all
from features.swipe_state import OFFSETS_KEPT, PARTITIONS
from features.view_writer import HISTORY_FIELD, offset_field, write_hashes
from features.views import BEHAVIOUR

Int64s = npt.NDArray[np.int64]
# The lake is written every few seconds.
_LAKE_WAIT_S: Final = 60.0
_READ: Final = ("swiper", "swiped", "action", "swiped_at", "source_partition", "source_offset")


async def restore_behaviour(pool: asyncpg.Pool, redis: Redis, lake: str) -> int:
    """Rebuild behaviour from all swipes of the lake; returns the number of people.

    Live swipes may come meanwhile: the stream waits, and goes on where it was. Raises LakeBehind.
    """
    async with pool.acquire() as conn, conn.transaction():
        await hold_off_stream(conn)
        await until_lake_has_all(conn, _LAKE_WAIT_S)
        swipes = await asyncio.to_thread(read_swipes, lake, columns=_READ)
        return await rebuild_behaviour(redis, swipes)


async def rebuild_behaviour(redis: Redis, swipes: pa.Table) -> int:
    """Write counts and histories of everybody in a table of schema SWIPES from the whole of it.

    With the stream held off (`features.stream_lock`) or stopped: what was there is replaced. The
    source offsets that stand applied are those of the rows, and no others: a swipe that had been
    applied and is not in the table is applied again when it is delivered again. Returns the number
    of people.
    """
    behaviour = behaviour_of(swipes)
    ids = behaviour.person_id
    encoded = [
        online.encode_column(f.kind, c)
        for f, c in zip(BEHAVIOUR.features, behaviour.columns, strict=True)
    ]
    times = online.encode_times(behaviour.event_ms)
    partitions = range(PARTITIONS)
    offsets = [_offsets(swipes, partition, ids) for partition in partitions]
    fields = (*online.view_fields(BEHAVIOUR), HISTORY_FIELD, *map(offset_field, partitions))
    await write_hashes(redis, ids, fields, [*encoded, times, behaviour.history, *offsets])
    return len(ids)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The `behaviour` view of p people and their packed histories.

    `columns`: likes given, swipes given, likes received, swipes received, last swipe in seconds
    (−1: never), each (p,) int64. `event_ms` (p,): the last swipe made or received.
    `history`: p packed arrays.
    """

    person_id: Int64s
    columns: tuple[Int64s, ...]
    event_ms: Int64s
    history: list[bytes]


def behaviour_of(swipes: pa.Table) -> Behaviour:
    """Counts and latest swipes of everybody in a table with swiper, swiped, action, swiped_at."""
    swiper, swiped = (swipes[name].to_numpy() for name in ("swiper", "swiped"))
    action = swipes["action"].to_numpy()
    at = swipes["swiped_at"].cast(pa.timestamp("ms", "UTC")).cast(pa.int64()).to_numpy()
    ids, rows = np.unique(np.concatenate((swiper, swiped)), return_inverse=True)
    giver, receiver = rows[: len(swiper)], rows[len(swiper) :]
    liked = action != PASS
    counts = [
        np.bincount(of, minlength=len(ids)).astype(np.int64)
        for of in (giver[liked], giver, receiver[liked], receiver)
    ]
    last_made, last_received = (_latest(of, at, len(ids)) for of in (giver, receiver))
    history = _histories(giver, swiped, action, at, len(ids))
    columns = (*counts, np.where(last_made < 0, -1, last_made // 1000))
    return Behaviour(ids, columns, np.maximum(last_made, last_received), history)


def _latest(person: Int64s, at: Int64s, people: int) -> Int64s:
    latest = np.full(people, -1, np.int64)
    np.maximum.at(latest, person, at)
    return latest


def _histories(
    giver: Int64s, swiped: Int64s, action: npt.NDArray[np.int8], at: Int64s, people: int
) -> list[bytes]:
    """Packed latest swipes (SWIPE_DTYPE, oldest first) of each person; empty without any."""
    order = np.lexsort((at, giver))
    packed_swipes = np.empty(len(order), SWIPE_DTYPE)
    packed_swipes["candidate"], packed_swipes["action"] = swiped[order], action[order]
    ends = np.searchsorted(giver[order], np.arange(people), side="right")
    starts = np.maximum(np.r_[0, ends[:-1]], ends - HISTORY_LIMIT)
    block, width = packed_swipes.tobytes(), SWIPE_DTYPE.itemsize
    return [
        block[a * width : b * width] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)
    ]


def _offsets(swipes: pa.Table, partition: int, ids: Int64s) -> list[bytes]:
    """Packed source offsets of a partition that stand applied to each of `ids`, ascending."""
    # Nulls become NaN, which is no partition.
    streamed = swipes.filter(pa.array(swipes["source_partition"].to_numpy() == partition))
    offset = np.tile(streamed["source_offset"].to_numpy().astype(np.int64), 2)
    person = np.concatenate((streamed["swiper"].to_numpy(), streamed["swiped"].to_numpy()))
    order = np.lexsort((offset, person))
    person, offset = person[order], offset[order].astype("<i8")
    starts, ends = (np.searchsorted(person, ids, side=side) for side in ("left", "right"))
    found = [b""] * len(ids)
    for at in np.flatnonzero(ends > starts).tolist():
        applied = offset[starts[at] : ends[at]]
        found[at] = applied[applied > applied[-1] - OFFSETS_KEPT].tobytes()
    return found
