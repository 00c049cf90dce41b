"""Bulk rebuild of behaviour in the online store from a whole table of swipes."""

import asyncio
from dataclasses import dataclass
from typing import Final

import asyncpg
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features import online
from features.fold_in import PASS
from features.forget import forget
from features.history import HISTORY_LIMIT, SWIPE_DTYPE
from features.keyed import Store
from features.lake import read_swipe_events
from features.lake_erased import erased_people
from features.lake_erasure import NOBODY
from features.lake_files import place_of
from features.offsets import OFFSETS_KEPT
from features.standing_swipes import NEEDED, standing
from features.stream_lock import hold_off_stream, until_lake_has_all
from features.swipe_state import PARTITIONS
from features.view_writer import HISTORY_FIELD, offset_field, write_hashes
from features.views import BEHAVIOUR

Int64s = npt.NDArray[np.int64]
# The lake is written every few seconds.
_LAKE_WAIT_S: Final = 60.0
_READ: Final = (*NEEDED, "action", "source_partition", "source_offset")


async def restore_behaviour(pool: asyncpg.Pool, store: Store, lake: str) -> int:
    """Rebuild behaviour from all swipes of the lake, and the marks of people who were erased.
    Returns the number of people who have some.

    Live swipes may come meanwhile: the stream waits, and goes on where it was. Raises LakeBehind.
    """
    async with pool.acquire() as conn, conn.transaction():
        await hold_off_stream(conn)
        await until_lake_has_all(conn, _LAKE_WAIT_S)
        await forget(store, await asyncio.to_thread(erased_people, place_of(lake)))
        events = await asyncio.to_thread(read_swipe_events, lake, columns=_READ)
        return await rebuild_behaviour(store, events)


async def rebuild_behaviour(store: Store, events: pa.Table) -> int:
    """Write counts and histories of everybody in a table of schema SWIPES from the whole of it.

    With the stream held off (`features.stream_lock`) or stopped: what was there is replaced. The
    source offsets that stand applied are those of the rows, taken back or not, and no others: a
    swipe that had been applied and is not in the table is applied again when it is delivered again.
    Returns the number of people.
    """
    behaviour = behaviour_of(events)
    ids = behaviour.person_id
    encoded = [
        online.encode_column(f.kind, c)
        for f, c in zip(BEHAVIOUR.features, behaviour.columns, strict=True)
    ]
    times = online.encode_times(behaviour.event_ms)
    partitions = range(PARTITIONS)
    offsets = [_offsets(events, partition, ids) for partition in partitions]
    fields = (*online.view_fields(BEHAVIOUR), HISTORY_FIELD, *map(offset_field, partitions))
    await write_hashes(store, ids, fields, [*encoded, times, behaviour.history, *offsets])
    return len(ids)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The `behaviour` view of p people and their packed histories.

    `columns`: likes given, swipes given, likes received, swipes received, last swipe in seconds
    (−1: none stands), each (p,) int64. `event_ms` (p,): the last swipe made or received, taken
    back or not. `history`: p packed arrays.
    """

    person_id: Int64s
    columns: tuple[Int64s, ...]
    event_ms: Int64s
    history: list[bytes]


def behaviour_of(events: pa.Table) -> Behaviour:
    """Behaviour of everybody in a table with `action` and the columns NEEDED, by what stands.

    Nobody is not among them; a swipe on nobody, who was somebody, counts until it is taken back.
    """
    everyone = np.unique(np.concatenate([events[name].to_numpy() for name in ("swiper", "swiped")]))
    ids = everyone[everyone != NOBODY]
    all_of, swipes = _Columns.of(events, ids), _Columns.of(standing(events), ids)
    liked = swipes.action != PASS
    sides = ((swipes.giver, liked), (swipes.giver, True), (swipes.receiver, liked))
    counts = [_count(side, kept, len(ids)) for side, kept in (*sides, (swipes.receiver, True))]
    last = _latest(swipes.giver, swipes.at_ms, len(ids))
    event_ms = np.maximum(*(_latest(of, all_of.at_ms, len(ids)) for of in all_of.sides))
    columns = (*counts, np.where(last < 0, -1, last // 1000))
    return Behaviour(ids, columns, event_ms, _histories(swipes, len(ids)))


@dataclass(frozen=True, slots=True)
class _Columns:
    """m swipes: rows (m,) of `giver` and `receiver` among the people, −1 for nobody; the
    receiver's id, the action and the time of each."""

    giver: Int64s
    receiver: Int64s
    swiped: Int64s
    action: npt.NDArray[np.int8]
    at_ms: Int64s

    @classmethod
    def of(cls, rows: pa.Table, ids: Int64s) -> "_Columns":
        swiper, swiped = (rows[name].to_numpy() for name in ("swiper", "swiped"))
        giver, receiver = (
            np.where(who == NOBODY, -1, np.searchsorted(ids, who)) for who in (swiper, swiped)
        )
        at = rows["swiped_at"].cast(pa.timestamp("ms", "UTC")).cast(pa.int64()).to_numpy()
        return cls(giver, receiver, swiped, rows["action"].to_numpy(), at)

    @property
    def sides(self) -> tuple[Int64s, Int64s]:
        return self.giver, self.receiver


def _count(person: Int64s, kept: npt.NDArray[np.bool_] | bool, people: int) -> Int64s:
    """How many rows (m,) that are kept each person has."""
    return np.bincount(person[kept & (person >= 0)], minlength=people).astype(np.int64)


def _latest(person: Int64s, at_ms: Int64s, people: int) -> Int64s:
    latest = np.full(people, -1, np.int64)
    np.maximum.at(latest, person[person >= 0], at_ms[person >= 0])
    return latest


def _histories(swipes: _Columns, people: int) -> list[bytes]:
    """Packed latest swipes (SWIPE_DTYPE) of each person; empty without any. What was swiped on
    nobody is left out: when it is taken back there is nothing to take out."""
    at_s, named = swipes.at_ms // 1000, swipes.swiped != NOBODY
    order = np.lexsort((swipes.swiped, at_s, swipes.giver))
    order = order[(named & (swipes.giver >= 0))[order]]
    giver = swipes.giver[order]
    packed_swipes = np.empty(len(order), SWIPE_DTYPE)
    packed_swipes["candidate"], packed_swipes["action"] = swipes.swiped[order], swipes.action[order]
    packed_swipes["at_s"] = at_s[order]
    ends = np.searchsorted(giver, np.arange(people), side="right")
    starts = np.maximum(np.r_[0, ends[:-1]], ends - HISTORY_LIMIT)
    block, width = packed_swipes.tobytes(), SWIPE_DTYPE.itemsize
    return [
        block[a * width : b * width] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)
    ]


def _offsets(events: pa.Table, partition: int, ids: Int64s) -> list[bytes]:
    """Packed source offsets of a partition that stand applied to each of `ids`, ascending."""
    # Nulls become NaN, which is no partition.
    streamed = events.filter(pa.array(events["source_partition"].to_numpy() == partition))
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
