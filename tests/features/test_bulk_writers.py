"""Bulk writers leave what one event after the other would have left."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from redis.asyncio import Redis

from features import reader, writer
from features.behaviour_rows import behaviour_of
from features.disk_cells import cells_of
from features.eligibility import Candidates, eligible, viewer_of
from features.forget import forget
from features.history import HISTORY_LIMIT, unpack
from features.lake_tables import PROFILES
from features.person_row import (
    PersonRowUnreadable,
    cell_key,
    decode_heads,
    decode_tail,
    encode_tail,
    person_of_row_key,
    person_row_key,
)
from features.stream import apply_swipes
from features.swipe_state import Swipe
from features.swipe_store import Stored, read_states
from features.views import BEHAVIOUR, PROFILE, factors
from tests.features.test_stream import random_swipes

AT = datetime(2026, 3, 1, tzinfo=UTC)
PHOTO: dict[str, str | int] = {
    "url": "/photos/avatar-0007.png",
    "blurhash": "00N-vR",
    "width": 192,
    "height": 192,
}


def table_of(swipes: list[Swipe]) -> pa.Table:
    """The columns of schema SWIPES that the rebuild reads."""
    at = pa.array([s.at_ms for s in swipes], pa.int64()).cast(pa.timestamp("ms", "UTC"))
    return pa.table(
        {
            "swiper": pa.array([s.swiper for s in swipes], pa.int64()),
            "swiped": pa.array([s.swiped for s in swipes], pa.int64()),
            "action": pa.array([s.action for s in swipes], pa.int8()),
            "swiped_at": at,
            "source_partition": pa.array([s.partition for s in swipes], pa.int32()),
            "source_offset": pa.array([s.offset for s in swipes], pa.int64()),
            "taken_back": pa.array([s.taken_back_ms > 0 for s in swipes], pa.bool_()),
        }
    )


async def test_a_rebuild_leaves_what_the_stream_would_have_left(redis: Redis) -> None:
    swipes = random_swipes(600, 20)
    persons = list(range(1, 21))
    await apply_swipes(redis, swipes, {})
    streamed = [stored.state for stored in await read_states(redis, persons)]
    await redis.flushall()
    assert await writer.rebuild_behaviour(redis, table_of(swipes)) == 20
    assert [stored.state for stored in await read_states(redis, persons)] == streamed


async def test_swipes_in_a_rebuild_are_not_applied_again(redis: Redis) -> None:
    swipes = random_swipes(200, 20)
    await writer.rebuild_behaviour(redis, table_of(swipes[:150]))
    await apply_swipes(redis, swipes, {})
    by_stream = [stored.state for stored in await read_states(redis, range(1, 21))]
    await redis.flushall()
    await apply_swipes(redis, swipes, {})
    assert by_stream == [stored.state for stored in await read_states(redis, range(1, 21))]


async def test_a_swipe_that_a_rebuild_forgot_counts_when_it_is_delivered_again(
    redis: Redis,
) -> None:
    swipes = random_swipes(200, 20)
    # Applied, but its position was not stored yet and the lake does not have it.
    await apply_swipes(redis, swipes, {})
    by_stream = [stored.state for stored in await read_states(redis, range(1, 21))]
    await writer.rebuild_behaviour(redis, table_of(swipes[:150]))
    await apply_swipes(redis, swipes, {})
    assert by_stream == [stored.state for stored in await read_states(redis, range(1, 21))]


async def test_bulk_writers_pass_over_people_who_were_erased(redis: Redis) -> None:
    await forget(redis, [2])
    await writer.rebuild_behaviour(redis, table_of(random_swipes(20, 3)))
    rate, taste = np.full(3, 0.5, np.float32), np.ones((3, 4), np.float32)
    await writer.write_factors(redis, "7", [1, 2, 3], taste, rate, rate, 1000)
    rows = await reader.read(redis, [BEHAVIOUR, factors("7")], [1, 2, 3])
    assert (rows["behaviour"].event_ms < 0).tolist() == [False, True, False]
    assert rows["factors_7"].event_ms.tolist() == [1000, -1, 1000]


def test_histories_hold_the_latest_swipes_in_their_order() -> None:
    swipes = [Swipe(1, 2 + n, 1, 1000 * n, 0, n) for n in range(HISTORY_LIMIT + 10)]
    found = behaviour_of(table_of(swipes[::-1]))
    history = unpack(found.history[0])
    assert history["candidate"].tolist() == [s.swiped for s in swipes[10:]]
    assert found.history[1] == b""
    assert found.columns[4].tolist()[:2] == [HISTORY_LIMIT + 9, -1]


async def test_person_rows_can_be_checked_and_shown(redis: Redis) -> None:
    rows = profiles()
    assert await writer.write_person_rows(redis, redis, rows) == 3
    values = await redis.mget([person_row_key(person) for person in (1, 2, 3, 4)])
    heads = decode_heads(values)
    assert heads.present.tolist() == [True, True, True, False]
    mask = eligible(viewer_of(heads.people, 0), Candidates.of(heads.people), 20_000)
    # The third is paused, the fourth is nobody.
    assert mask.tolist() == [False, True, False, False]
    assert heads.head["latitude"].tolist() == [37.7, 37.8, 37.9, 0.0]
    assert heads.head["version"].tolist() == [1, 2, 3, 0]
    tail = decode_tail(values[1])
    assert (tail.name, tail.attributes, tail.photos, tail.simulated) == (
        'B "ö"', {"diet": "vegan"}, [PHOTO], True,
    )  # fmt: skip
    assert decode_tail(values[0]).photos == []
    assert values[1].endswith(encode_tail(tail))
    assert person_of_row_key(person_row_key(42).encode()) == 42


async def test_people_are_in_their_cells_and_have_profiles(redis: Redis) -> None:
    await writer.write_person_rows(redis, redis, profiles())
    cell = int(cells_of(37.8, -122.4, 6)[0])
    assert await redis.zrange(cell_key(cell), 0, -1, withscores=True) == [(b"2", AT.timestamp())]
    found = (await reader.read(redis, [PROFILE, BEHAVIOUR], [2, 3]))["profile"]
    assert found.columns["body_type"].tolist() == [None, "fit"]
    np.testing.assert_array_equal(found.columns["height_cm"], [np.nan, 180.0])


async def test_a_newer_row_stays(redis: Redis) -> None:
    await writer.write_person_rows(redis, redis, profiles())
    newer = profiles().set_column(1, "version", pa.array([9, 9, 9], pa.int64()))
    assert await writer.write_person_rows(redis, redis, newer.slice(1, 1)) == 1
    assert await writer.write_person_rows(redis, redis, profiles()) == 2
    rows = await redis.mget([person_row_key(person) for person in (1, 2, 3)])
    assert decode_heads(rows).head["version"].tolist() == [1, 9, 3]


def test_a_row_of_another_format_is_refused() -> None:
    for broken in (b"\x01", b"\x02" + bytes(200)):
        try:
            decode_heads([broken])
        except PersonRowUnreadable:
            continue
        raise AssertionError(broken)


async def test_an_unknown_person_has_the_empty_state(redis: Redis) -> None:
    (stored,) = await read_states(redis, [5])
    assert stored == Stored(5, b"", stored.state)
    assert stored.state.counts() == (0, 0, 0, 0, -1)


def profiles() -> pa.Table:
    columns: dict[str, list[Any]] = {
        "person": [1, 2, 3],
        "version": [1, 2, 3],
        "changed_at": [AT] * 3,
        "name": ["A", 'B "ö"', "C"],
        "birth_day": [8000, 9000, 9500],
        "gender": [1, 2, 2],
        "seeks": [[2], [1, 3], [1]],
        "age_min": [18, 18, 18],
        "age_max": [99, 99, 99],
        "max_distance_km": [50.0, 50.0, 50.0],
        "latitude": [37.7, 37.8, 37.9],
        "longitude": [-122.4] * 3,
        "visibility": [1, 1, 3],
        "body_type": [None, None, "fit"],
        "height_cm": [170.0, None, 180.0],
        "attributes": ["{}", '{"diet":"vegan"}', '{"body_type":"fit"}'],
        "simulated": [True] * 3,
        "photos": [[], [PHOTO], []],
        "exposure": [1.0] * 3,
    }
    return pa.Table.from_pydict(columns, schema=PROFILES)
