"""A recount of everybody's behaviour from the lake, beside what the stream keeps in Redis."""

import asyncio
from dataclasses import dataclass
from typing import Final, cast

import asyncpg
import numpy as np
import numpy.typing as npt
from redis.asyncio import Redis

from features import online
from features.behaviour_rows import Behaviour, behaviour_of
from features.forget import erased
from features.keyed import Store, ask_each, every_node, raised
from features.lake import Positions, read_swipe_events
from features.lake_erased import erased_people
from features.lake_files import place_of
from features.reader import read
from features.standing_swipes import NEEDED
from features.stream_lock import both_at_rest
from features.views import BEHAVIOUR
from features.wire import packed, run

Int64s = npt.NDArray[np.int64]
# The lake is written every few seconds.
_WAIT_S: Final = 60.0
_AT_ONCE: Final = 20_000
_COLUMNS: Final = tuple(feature.name for feature in BEHAVIOUR.features)
_FIELDS: Final = "fields"
_LEFT_BEHIND: Final = "left_behind"


@dataclass(frozen=True, slots=True)
class Difference:
    """A column of `behaviour` that Redis and the recount do not agree on; −1 is no time.

    Column `fields` is of people who were erased: how many fields there are beside the mark, which
    itself is one when it is missing. Column `left_behind` is of people of whom the Redis that kept
    features before has some still.
    """

    person: int
    column: str
    redis: int
    recount: int


async def differences(
    pool: asyncpg.Pool, store: Store, lake: str, wait_s: float = _WAIT_S
) -> list[Difference]:
    """Where Redis and a recount of the lake's swipes differ, of everybody in either; none is right.

    Exact also while swipes come: the stream waits. Raises LakeBehind where the stream and the lake
    are not equally far at any moment within `wait_s`.
    """
    async with both_at_rest(pool, wait_s) as reached:
        counted, gone = await asyncio.to_thread(_recount, lake, reached)
        found: list[Difference] = []
        everybody = np.unique(np.concatenate((counted.person_id, gone, await _stored(store))))
        for start in range(0, len(everybody), _AT_ONCE):
            chunk = everybody[start : start + _AT_ONCE]
            marked = await erased(store, chunk)
            left = marked | np.isin(chunk, gone)
            found += await _left(store, chunk[left], marked[left])
            found += await _compared(store, chunk[~left], counted)
        return found


async def left_behind(redis: Redis, store: Store) -> list[Difference]:
    """Whose features are in `redis` though they are in `store` now: no erasure would reach them."""
    if store is redis:
        return []
    return [Difference(person, _LEFT_BEHIND, 1, 0) for person in (await _stored(redis)).tolist()]


async def remove_left_behind(redis: Redis, store: Store) -> int:
    """Remove them; returns how many keys."""
    if store is redis:
        return 0
    removed = 0
    waiting: list[bytes] = []
    async for key in redis.scan_iter(match=online.KEY_PATTERN, count=5000):
        waiting.append(key)
        if len(waiting) == _AT_ONCE:
            removed += await run(redis.unlink(*waiting))
            waiting = []
    return removed + (await run(redis.unlink(*waiting)) if waiting else 0)


def _recount(lake: str, reached: Positions) -> tuple[Behaviour, Int64s]:
    events = read_swipe_events(lake, columns=(*NEEDED, "action"), below=reached)
    return behaviour_of(events), erased_people(place_of(lake))


async def _stored(store: Store) -> Int64s:
    keys = [
        key
        for node in await every_node(store)
        async for key in node.scan_iter(match=online.KEY_PATTERN, count=5000)
    ]
    return np.unique(online.persons_of(keys))


async def _compared(store: Store, people: Int64s, counted: Behaviour) -> list[Difference]:
    if not len(people):
        return []
    rows = (await read(store, [BEHAVIOUR], people))[BEHAVIOUR.name]
    at = np.minimum(np.searchsorted(counted.person_id, people), max(0, len(counted.person_id) - 1))
    known = (
        counted.person_id[at] == people if len(counted.person_id) else np.zeros(len(people), bool)
    )
    found: list[Difference] = []
    for name, column in zip(_COLUMNS, counted.columns, strict=True):
        nothing = -1 if name == "last_swipe_at" else 0
        recount = np.full(len(people), nothing, np.int64)
        recount[known] = column[at[known]]
        kept = np.nan_to_num(rows.numbers(name), nan=nothing).astype(np.int64)
        found += [
            Difference(int(people[i]), name, int(kept[i]), int(recount[i]))
            for i in np.flatnonzero(kept != recount)
        ]
    return found


async def _left(store: Store, people: Int64s, marked: npt.NDArray[np.bool_]) -> list[Difference]:
    """People who were erased and of whom there is more than the mark, or no mark."""
    keys = online.entity_keys(people)
    commands = [packed(b"HLEN", key) for key in keys]
    lengths = cast("list[int]", raised(await ask_each(store, keys, commands)))
    return [
        Difference(person, _FIELDS, length - 1 if has_mark else length + 1, 0)
        for person, length, has_mark in zip(people.tolist(), lengths, marked, strict=True)
        if length != 1 or not has_mark
    ]
