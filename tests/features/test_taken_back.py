"""Whatever is taken back leaves no trace in counts, rates, tastes and last swipes."""

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import SWIPE_RECORDED
from features import reader, writer
from features.history import HISTORY_LIMIT
from features.stream import apply_swipes, refold, swipe_of
from features.swipe_state import Swipe, SwipeState, after
from features.swipe_store import read_states
from features.views import factors
from gravity.bus import Record
from gravity.consumer import InvalidRecord
from tests.features.releases import tiny_release
from tests.features.swipe_worlds import (
    PEOPLE,
    World,
    delivered,
    recount,
    steps,
    table_of,
    whom,
    world_of,
)
from tests.infrastructure import Infra

EVERYBODY = range(1, PEOPLE + 1)
LIKE = 1
several = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


async def states(redis: Redis) -> list[SwipeState]:
    return [stored.state for stored in await read_states(redis, EVERYBODY)]


def visible(state: SwipeState) -> SwipeState:
    """Without when it was written and from what."""
    return state._replace(applied={}, event_ms=0)


async def consume(redis: Redis, order: list[Swipe], seed: int) -> None:
    """Apply in batches, going back now and then as after a crash before the position was stored."""
    rng = np.random.default_rng(seed)
    at = 0
    while at < len(order):
        size = int(rng.integers(1, 12))
        await apply_swipes(redis, order[at : at + size], {})
        at = at + size if rng.random() < 0.7 else max(0, at - size)


@given(steps, st.integers(0, 2**32 - 1))
@several
def test_counts_are_those_of_the_swipes_that_stand(
    infra: Infra, taken: list[tuple[int, int, int, int]], seed: int
) -> None:
    infra.wait("redis")
    world = world_of(taken)
    rng = np.random.default_rng(seed)
    orders = [delivered(world.events, lambda n: int(rng.integers(n))) for _ in range(3)]

    async def run() -> list[SwipeState]:
        async with Redis.from_url(infra.redis_url) as redis:
            await redis.flushall()
            await asyncio.gather(*(consume(redis, order, n) for n, order in enumerate(orders)))
            return await states(redis)

    found = asyncio.run(run())
    assert list(map(visible, found)) == [recount(world, who) for who in EVERYBODY]


@given(steps, st.integers(0, 2**32 - 1))
@several
def test_a_rebuild_leaves_what_the_stream_left(
    infra: Infra, taken: list[tuple[int, int, int, int]], seed: int
) -> None:
    infra.wait("redis")
    world = world_of(taken)
    shuffled = np.random.default_rng(seed).permutation(len(world.events))

    async def run() -> None:
        async with Redis.from_url(infra.redis_url) as redis:
            await redis.flushall()
            await apply_swipes(redis, world.events, {})
            streamed = await states(redis)
            await redis.flushall()
            await writer.rebuild_behaviour(redis, table_of([world.events[n] for n in shuffled]))
            rebuilt = await states(redis)
            assert [s._replace(event_ms=0) for s in rebuilt] == [
                s._replace(event_ms=0) for s in streamed
            ]
            # What was taken back is known to have been: redelivery changes nothing.
            await apply_swipes(redis, world.events, {})
            assert await states(redis) == rebuilt

    asyncio.run(run())


@given(steps, st.integers(0, 60))
@several
def test_a_rebuild_in_the_middle_of_redelivery_is_exact(
    infra: Infra, taken: list[tuple[int, int, int, int]], cut: int
) -> None:
    """The lake is ahead of the stream; the stream comes back from somewhere before the rebuild."""
    infra.wait("redis")
    world = world_of(taken)

    async def run() -> list[SwipeState]:
        async with Redis.from_url(infra.redis_url) as redis:
            await redis.flushall()
            await apply_swipes(redis, world.events[:cut], {})
            await writer.rebuild_behaviour(redis, table_of(world.events[: cut + 5]))
            await apply_swipes(redis, world.events[max(0, cut - 5) :], {})
            return await states(redis)

    found = asyncio.run(run())
    assert list(map(visible, found)) == [recount(world, who) for who in EVERYBODY]


async def test_tastes_and_rates_follow_what_stands(redis: Redis, tmp_path: Path) -> None:
    releases = {"7": tiny_release(tmp_path / "7")}
    world = world_of([(1, 2, LIKE, 10), (1, 3, LIKE, 10), (1, 4, 2, 10), (3, 1, LIKE, 10)])
    await apply_swipes(redis, world.events, releases)
    made = len(world.events)
    for pair in ((1, 3), (3, 1)):
        world.step(*pair, 0, 10)
    await apply_swipes(redis, world.events[made:], releases)
    undone = (await reader.read(redis, [factors("7")], EVERYBODY))["factors_7"].columns
    await redis.flushall()
    await apply_swipes(redis, world.standing.values(), releases)
    never = (await reader.read(redis, [factors("7")], EVERYBODY))["factors_7"].columns
    # The third has swiped nobody any more: the taste is what a person without swipes has.
    prior = releases["7"].fold_in(3, np.zeros(0, np.int64), np.zeros(0, np.uint8))
    np.testing.assert_array_equal(undone["taste"][2], prior)
    np.testing.assert_array_equal(undone["taste"][[0, 1]], never["taste"][[0, 1]])
    for rate in ("given_rate", "received_rate"):
        np.testing.assert_array_equal(undone[rate][[0, 1, 3]], never[rate][[0, 1, 3]])
        # That of the release, which `tiny_release` has for everybody.
        assert undone[rate][2] == np.float32(0.4)


async def test_a_release_that_learned_from_swipes_taken_back_since_unlearns_them(
    redis: Redis, tmp_path: Path
) -> None:
    release = tiny_release(tmp_path / "8")
    world = world_of([(1, 2, LIKE, 10), (1, 2, LIKE, 10)])
    await apply_swipes(redis, world.events, {})
    assert await refold(redis, "8", release, [1, 2]) == 2
    found = (await reader.read(redis, [factors("8")], [1]))["factors_8"]
    prior = release.fold_in(1, np.zeros(0, np.int64), np.zeros(0, np.uint8))
    np.testing.assert_array_equal(found.columns["taste"][0], prior)


def test_what_fell_off_the_history_still_counts_down() -> None:
    made = [Swipe(1, 10 + n, LIKE, 1000 * n, 0, n) for n in range(HISTORY_LIMIT + 5)]
    full = after(SwipeState(), 1, made)
    undo = replace(made[0], offset=9999, taken_back_ms=10**7)
    found = after(full, 1, [undo])
    assert (found.swipes_given, found.history) == (HISTORY_LIMIT + 4, full.history)


def test_what_comes_late_takes_its_place_by_time() -> None:
    late = [Swipe(1, n, LIKE, 1000 * at, 0, n) for n, at in ((5, 9), (6, 7), (7, 8), (8, 9))]
    found = after(SwipeState(), 1, late)
    assert (whom(found), found.last_swipe_s) == ([6, 7, 5, 8], 9)


def test_only_the_swipe_of_that_time_is_taken_out() -> None:
    world = world_of([(1, 2, LIKE, 1), (1, 2, LIKE, 1), (1, 2, 3, 5000)])
    assert whom(after(SwipeState(), 1, world.events)) == [2]
    again = replace(world.events[1], offset=77)
    assert whom(after(after(SwipeState(), 1, world.events), 1, [again])) == [2]


def test_an_event_that_takes_back_carries_the_time_of_the_swipe() -> None:
    event = events.SwipeRecorded(
        swiper=1, swiped=2, action=events.ACTION_LIKE, occurred_at_ms=9000, taken_back=True,
        swiped_ms=5000, source=events.Source(partition=1, offset=7),
    )  # fmt: skip
    assert swipe_of(_record(event)) == Swipe(1, 2, LIKE, 5000, 1, 7, 9000)
    event.ClearField("swiped_ms")
    with pytest.raises(InvalidRecord):
        swipe_of(_record(event))


def _record(event: events.SwipeRecorded) -> Record:
    return Record(SWIPE_RECORDED.name, 0, 0, b"1:2", event.SerializeToString())


def test_the_world_of_these_tests_takes_back() -> None:
    world = World()
    for _ in range(3):
        world.step(1, 2, LIKE, 0)
    assert [s.taken_back_ms > 0 for s in world.events] == [False, True, False]
    assert world.events[0].at_ms < world.events[1].taken_back_ms < world.events[2].at_ms
