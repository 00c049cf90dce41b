"""The recount finds every difference between Redis and the lake, and none where there is none."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pytest
from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import PERSON_ERASED, SWIPE_RECORDED, Topic
from features import lake_writer
from features.behaviour_check import (
    Difference,
    differences,
    left_behind,
    remove_left_behind,
)
from features.behaviour_rows import restore_behaviour
from features.compare_and_set import Write, compare_and_set
from features.lake import append_rows, part_of_import
from features.lake_erased import add_erased
from features.lake_files import place_of
from features.live_releases import LiveReleases
from features.online import entity_keys, feature_field
from features.release import Release
from features.stream import apply_swipes, subscription
from features.stream_lock import LakeBehind
from features.swipe_state import Swipe
from features.swipe_store import read_states
from features.wire import packed, round_trip
from gravity import positions
from gravity.bus import Record
from gravity.consumer import Subscription
from gravity.postgres import migrate
from tests.features.swipe_worlds import World, table_of, world_of

GONE = 3


@dataclass
class Loop:
    """The stream and the lake's consumers on one log, as far as each was let go."""

    pool: asyncpg.Pool
    redis: Redis
    lake: str
    stream: Subscription
    writers: dict[str, Subscription]

    @classmethod
    async def open(cls, pool: asyncpg.Pool, redis: Redis, lake: Path) -> "Loop":
        await migrate(pool, "gravity")
        live = LiveReleases(redis, _none, "stream")
        await live.refresh()
        writers = {s.topics[0].name: s for s in lake_writer.subscriptions(str(lake))}
        return cls(pool, redis, str(lake), subscription(redis, live), writers)

    async def both(self, topic: Topic, records: list[Record]) -> None:
        await self.apply(records)
        await self.write(topic, records)

    async def apply(self, records: list[Record]) -> None:
        await self._consume(self.stream, records)

    async def write(self, topic: Topic, records: list[Record]) -> None:
        await self._consume(self.writers[topic.name], records)

    async def _consume(self, consumer: Subscription, records: list[Record]) -> None:
        async with self.pool.acquire() as conn, conn.transaction():
            ends = {(r.topic, r.partition): r.offset + 1 for r in records}
            at = await positions.load(conn, consumer.name, ends.keys())
            moves = [positions.Move(*place, at[place], end) for place, end in ends.items()]
            await positions.advance(conn, consumer.name, moves)
            await consumer.handle(conn, records)

    async def differences(self, wait_s: float = 0) -> list[Difference]:
        return await differences(self.pool, self.redis, self.lake, wait_s)


async def _none(release_id: str) -> Release:
    raise AssertionError(release_id)


@pytest.fixture
async def loop(pool: asyncpg.Pool, redis: Redis, tmp_path: Path) -> Loop:
    return await Loop.open(pool, redis, tmp_path)


def records_of(swipes: list[Swipe]) -> list[Record]:
    """swipe.recorded of swipes: the same partition and offset as their source."""
    return [
        Record(SWIPE_RECORDED.name, s.partition, s.offset, b"", _event(s).SerializeToString())
        for s in swipes
    ]


def _event(swipe: Swipe) -> events.SwipeRecorded:
    back = swipe.taken_back_ms
    return events.SwipeRecorded(
        event_id=f"{swipe.partition}:{swipe.offset}", occurred_at_ms=back or swipe.at_ms,
        swiper=swipe.swiper, swiped=swipe.swiped, action=events.Action.ValueType(swipe.action),
        source=events.Source(partition=swipe.partition, offset=swipe.offset),
        taken_back=back > 0, swiped_ms=swipe.at_ms if back else 0,
    )  # fmt: skip


def erasure(offset: int = 0) -> list[Record]:
    event = events.PersonErased(person=GONE)
    return [Record(PERSON_ERASED.name, 0, offset, b"", event.SerializeToString())]


def market(seed: int = 0, count: int = 60) -> World:
    rng = np.random.default_rng(seed)
    swiper = rng.integers(1, 6, count)
    swiped = 1 + (swiper - 1 + rng.integers(1, 5, count)) % 5
    columns: list[Any] = [swiper, swiped, rng.integers(1, 4, count), rng.integers(0, 900, count)]
    return world_of(list(zip(*(column.tolist() for column in columns), strict=True)))


async def test_finds_nothing_at_rest(loop: Loop) -> None:
    await loop.both(SWIPE_RECORDED, records_of(market().events))
    assert await loop.differences() == []


async def test_finds_a_swipe_that_was_lost_counted_twice_or_never_made(loop: Loop) -> None:
    world = market()
    await loop.both(SWIPE_RECORDED, records_of(world.events))
    at_ms = world.events[-1].at_ms + 60_000
    await apply_swipes(loop.redis, [Swipe(1, 77, 1, at_ms, 0, 5000)], {})
    found = await loop.differences()
    (given,) = [s.state for s in await read_states(loop.redis, [1])]
    assert Difference(1, "swipes_given", given.swipes_given, given.swipes_given - 1) in found
    assert Difference(77, "likes_received", 1, 0) in found
    assert {(d.person, d.column) for d in found} == {
        (1, "likes_given"), (1, "swipes_given"), (1, "last_swipe_at"),
        (77, "likes_received"), (77, "swipes_received"),
    }  # fmt: skip


async def test_finds_everybody_whom_redis_lost(loop: Loop) -> None:
    imported = world_of([(11, 12, 1, 5)]).events
    append_rows(loop.lake, "swipes", table_of(imported), part_of_import("f00d", 0))
    at_s = imported[0].at_ms // 1000
    assert {(d.person, d.column, d.redis, d.recount) for d in await loop.differences()} == {
        (11, "likes_given", 0, 1), (11, "swipes_given", 0, 1), (11, "last_swipe_at", -1, at_s),
        (12, "likes_received", 0, 1), (12, "swipes_received", 0, 1),
    }  # fmt: skip
    await restore_behaviour(loop.pool, loop.redis, loop.lake)
    assert await loop.differences() == []


async def test_is_exact_at_every_step_of_an_erasure(loop: Loop) -> None:
    """person.erased may come before or after any of the events that take swipes back."""
    world = market()
    await loop.both(SWIPE_RECORDED, records_of(world.events))
    made = len(world.events)
    world.erase(GONE)
    late = records_of(world.events[made:])
    assert len(late) > 3
    await loop.both(SWIPE_RECORDED, late[:2])
    assert await loop.differences() == []
    await loop.both(PERSON_ERASED, erasure())
    assert await loop.differences() == []
    for record in late[2:]:
        await loop.both(SWIPE_RECORDED, [record])
        assert await loop.differences() == []
    (gone,) = entity_keys([GONE])
    assert await round_trip(loop.redis, packed(b"HKEYS", gone), 1) == [[b"_gone"]]


async def test_a_rebuild_in_the_middle_of_an_erasure_stays_exact(loop: Loop) -> None:
    world = market()
    await loop.both(SWIPE_RECORDED, records_of(world.events))
    made = len(world.events)
    world.erase(GONE)
    late = records_of(world.events[made:])
    await loop.both(PERSON_ERASED, erasure())
    await loop.both(SWIPE_RECORDED, late[:2])
    # Redis has lost everything, the marks of erased people too.
    await loop.redis.flushall()
    await restore_behaviour(loop.pool, loop.redis, loop.lake)
    assert await loop.differences() == []
    # The last batch comes once more: its position was not stored.
    await apply_swipes(loop.redis, world.events[made : made + 2], {})
    await loop.both(SWIPE_RECORDED, late[2:])
    assert await loop.differences() == []


async def test_whoever_was_erased_has_their_mark_and_nothing_else(loop: Loop) -> None:
    await loop.both(PERSON_ERASED, erasure())
    assert await loop.differences() == []
    (key,) = entity_keys([GONE])
    late = packed(b"HSET", key, feature_field("behaviour", "likes_given"), b"x")
    await round_trip(loop.redis, late, 1)
    assert await loop.differences() == [Difference(GONE, "fields", 1, 0)]
    await loop.redis.delete(key)
    await compare_and_set(loop.redis, [Write(key, b"", {b"a": b"1"})])
    found = await loop.differences()
    assert [(d.person, d.column) for d in found] == [(GONE, "fields")]


async def test_what_the_lake_alone_knows_to_be_erased_is_a_difference(loop: Loop) -> None:
    add_erased(place_of(loop.lake), [GONE])
    assert await loop.differences() == [Difference(GONE, "fields", 1, 0)]


async def test_waits_until_stream_and_lake_are_equally_far(loop: Loop) -> None:
    records = records_of(market().events)
    await loop.apply(records)
    with pytest.raises(LakeBehind):
        await loop.differences()
    waiting = asyncio.create_task(loop.differences(wait_s=30))
    await loop.write(SWIPE_RECORDED, records)
    assert await waiting == []
    await loop.write(PERSON_ERASED, erasure())
    with pytest.raises(LakeBehind):
        await loop.differences()


async def test_leaves_out_what_the_lake_was_given_beyond_its_position(loop: Loop) -> None:
    world = market()
    records = records_of(world.events)
    await loop.both(SWIPE_RECORDED, records[:30])
    # The writer died between the files and the position.
    lake_writer.write(loop.lake, lake_writer.TABLES[SWIPE_RECORDED], records[20:])
    assert await loop.differences() == []


async def test_what_stayed_in_the_former_store_is_found_and_removed(loop: Loop) -> None:
    await loop.both(SWIPE_RECORDED, records_of(world_of([(11, 12, 1, 5)]).events))
    await loop.redis.set("person:{11}", b"no feature")
    async with Redis(**{**loop.redis.connection_pool.connection_kwargs, "db": 1}) as elsewhere:
        assert await left_behind(loop.redis, loop.redis) == []
        assert await left_behind(loop.redis, elsewhere) == [
            Difference(11, "left_behind", 1, 0),
            Difference(12, "left_behind", 1, 0),
        ]
        assert await remove_left_behind(loop.redis, loop.redis) == 0
        assert await remove_left_behind(loop.redis, elsewhere) == 2
        assert await left_behind(loop.redis, elsewhere) == []
    assert await loop.redis.get("person:{11}") == b"no feature"
