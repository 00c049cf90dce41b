"""Bulk rebuild of behaviour in the online store from a whole table of swipes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from redis.asyncio import Redis

from features import online
from features.fold_in import PASS
from features.history import HISTORY_LIMIT, SWIPE_DTYPE
from features.swipe_state import OFFSETS_KEPT
from features.view_writer import HISTORY_FIELD, hset_commands, offset_field
from features.views import BEHAVIOUR
from features.wire import packed, send_all

Int64s = npt.NDArray[np.int64]


async def rebuild_behaviour(redis: Redis, swipes: pa.Table) -> int:
    """Write counts and histories of everybody in a table of schema SWIPES from the whole of it.

    For an import, or with the stream stopped: what was there is replaced. The source offsets that
    stand applied follow from the rows that have one. Returns the number of people.
    """
    behaviour = behaviour_of(swipes)
    ids = behaviour.person_id
    encoded = [
        online.encode_column(f.kind, c)
        for f, c in zip(BEHAVIOUR.features, behaviour.columns, strict=True)
    ]
    times = online.encode_times(behaviour.event_ms)
    fields = (*online.view_fields(BEHAVIOUR), HISTORY_FIELD)
    await send_all(redis, hset_commands(ids, fields, [*encoded, times, behaviour.history]))
    await send_all(redis, _offset_commands(swipes))
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


def _offset_commands(swipes: pa.Table) -> Iterator[bytes]:
    """Commands that set the source offsets that stand applied, by person and source partition."""
    streamed = swipes.filter(swipes["source_offset"].is_valid())
    if not streamed.num_rows:
        return
    partition, offset = (
        np.tile(streamed[name].to_numpy().astype(np.int64), 2)
        for name in ("source_partition", "source_offset")
    )
    person = np.concatenate((streamed["swiper"].to_numpy(), streamed["swiped"].to_numpy()))
    order = np.lexsort((offset, partition, person))
    person, partition, offset = person[order], partition[order], offset[order]
    is_new = (np.diff(person, prepend=-1) != 0) | (np.diff(partition, prepend=-1) != 0)
    firsts = np.flatnonzero(is_new)
    applied = np.split(offset.astype("<i8"), firsts[1:])
    rows = zip(online.entity_keys(person[firsts]), partition[firsts].tolist(), applied, strict=True)
    for key, of, offsets in rows:
        kept = offsets[offsets > offsets[-1] - OFFSETS_KEPT]
        yield packed(b"HSET", key, offset_field(of), kept.tobytes())
