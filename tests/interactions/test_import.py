"""Swipes of the past, in bulk: the same truth as if they had come live."""

import asyncpg
import numpy as np
import pyarrow as pa
import pytest

from contracts import events_pb2 as events
from features.lake_tables import SWIPES
from interactions import copy_binary, matcher
from interactions.store import import_swipes
from tests.interactions.reference import command
from tests.interactions.worlds import record_of

LIKE, PASS = events.ACTION_LIKE, events.ACTION_PASS
Step = tuple[int, int, int, int]


def table(*steps: Step) -> pa.Table:
    """Rows of (swiper, swiped, action, ms)."""
    columns: dict[str, list[object]] = {name: [None] * len(steps) for name in SWIPES.names}
    columns["event_id"] = [f"e{n}" for n in range(len(steps))]
    for place, name in enumerate(("swiper", "swiped", "action", "swiped_at")):
        columns[name] = [step[place] for step in steps]
    columns["simulated"] = [True] * len(steps)
    return pa.table(columns, schema=SWIPES)


async def matches(pool: asyncpg.Pool) -> list[tuple[int, int, int]]:
    rows = await pool.fetch(
        "select low, high, (extract(epoch from matched_at) * 1000)::bigint as ms from matches"
        " order by low, high"
    )
    return [tuple(row) for row in rows]


async def test_the_first_swipe_of_a_pair_stands_and_likes_match_at_the_later_time(
    pairs: asyncpg.Pool,
) -> None:
    rows = table((1, 2, LIKE, 3000), (1, 2, PASS, 5000), (2, 1, LIKE, 4000), (3, 1, LIKE, 1000),
                 (1, 3, PASS, 2000))  # fmt: skip
    imported = await import_swipes(pairs, rows)
    assert imported.recorded["event_id"].to_pylist() == ["e0", "e2", "e3", "e4"]
    assert imported.matches == 1
    assert await matches(pairs) == [(1, 2, 4000)]
    members = await pairs.fetch("select person, other from match_members order by person")
    assert [tuple(row) for row in members] == [(1, 2), (2, 1)]


async def test_a_second_import_meets_what_is_stored(pairs: asyncpg.Pool) -> None:
    await import_swipes(pairs, table((1, 2, LIKE, 3000), (3, 4, LIKE, 1), (5, 6, LIKE, 1)))
    await pairs.execute("insert into blocks values (6, 5, now())")
    await pairs.execute("insert into withdrawn_persons values (4, now(), true)")
    again = await import_swipes(
        pairs,
        table((1, 2, LIKE, 1), (2, 1, LIKE, 1000), (4, 3, LIKE, 2), (6, 5, LIKE, 2)),
    )
    assert again.recorded["swiper"].to_pylist() == [2, 4, 6]
    assert await matches(pairs) == [(1, 2, 3000)]
    third = await import_swipes(pairs, table((2, 1, LIKE, 1000)))
    assert (third.recorded.num_rows, third.matches) == (0, 0)


async def test_a_live_like_meets_an_imported_one(pairs: asyncpg.Pool) -> None:
    await import_swipes(pairs, table((1, 2, LIKE, 3000)))
    async with pairs.acquire() as conn, conn.transaction():
        await matcher.apply(
            conn, [record_of(command(0, 2, 1, LIKE)), record_of(command(1, 1, 2, PASS))]
        )
    assert await pairs.fetchval("select count(*) from matches") == 1
    assert await pairs.fetchval("select action from swipes where swiper = 1") == LIKE


@pytest.mark.parametrize("chunks", [1, 3])
async def test_chunks_give_the_same_as_the_whole(pairs: asyncpg.Pool, chunks: int) -> None:
    draw = np.random.default_rng(0)
    steps = [
        (int(a), int(b), int(action), int(at))
        for a, b, action, at in zip(*draw.integers(1, 30, (2, 600)), draw.choice([1, 2, 3], 600),
                                    draw.permutation(600), strict=True)
        if a != b
    ]  # fmt: skip
    standing: dict[tuple[int, int], Step] = {}
    for part in np.array_split(np.arange(len(steps)), chunks):
        chunk = [steps[n] for n in part]
        await import_swipes(pairs, table(*chunk))
        for step in sorted(chunk, key=lambda step: step[3]):
            standing.setdefault(step[:2], step)
    rows = await pairs.fetch("select swiper, swiped, action from swipes")
    assert {tuple(row) for row in rows} == {step[:3] for step in standing.values()}
    assert await matches(pairs) == sorted(
        (a, b, max(step[3], standing[b, a][3]))
        for (a, b), step in standing.items()
        if a < b and step[2] != PASS and (b, a) in standing and standing[b, a][2] != PASS
    )


async def test_an_import_and_the_matcher_make_the_same_of_the_same_swipes(
    pairs: asyncpg.Pool,
) -> None:
    draw = np.random.default_rng(3)
    people = draw.integers(1, 25, (2, 800))
    told = [
        command(n, int(a), int(b), int(action))
        for n, (a, b, action) in enumerate(zip(*people, draw.integers(1, 4, 800), strict=True))
        if a != b
    ]
    await pairs.execute("insert into blocks values (7, 8, now())")
    await pairs.execute("insert into withdrawn_persons values (9, now(), true)")

    async def truth() -> list[object]:
        swipes = "select swiper, swiped, action, swiped_at from swipes order by 1, 2"
        matched = "select low, high, matched_at, episode, ended_at from matches order by 1, 2"
        sides = "select person, other, matched_at from match_members order by 1, 2"
        found: list[object] = [
            [tuple(row) for row in await pairs.fetch(q)] for q in (swipes, matched, sides)
        ]
        assert all(found)
        return found

    async with pairs.acquire() as conn, conn.transaction():
        await matcher.apply(conn, [record_of(c) for c in told])
    live = await truth()
    await pairs.execute("truncate swipes, matches, match_members")
    await import_swipes(pairs, table(*((c.actor, c.target, c.action, c.at_ms) for c in told)))
    assert await truth() == live


async def test_nothing_to_import_is_fine_and_a_swipe_on_oneself_is_not(
    pairs: asyncpg.Pool,
) -> None:
    assert (await import_swipes(pairs, table())).matches == 0
    with pytest.raises(asyncpg.CheckViolationError):
        await import_swipes(pairs, table((1, 2, LIKE, 1), (3, 3, LIKE, 1)))
    assert await pairs.fetchval("select count(*) from swipes") == 0


def test_copy_streams_come_back_as_they_went() -> None:
    columns = (("a", copy_binary.BIGINT), ("b", copy_binary.SMALLINT))
    stream = copy_binary.encode(columns, {"a": [1, -(2**62)], "b": [3, 4]})
    rows = copy_binary.decode(columns, stream)
    assert (rows["a"].tolist(), rows["b"].tolist()) == ([1, -(2**62)], [3, 4])
    with pytest.raises(ValueError, match="not a COPY stream"):
        copy_binary.decode(
            (("a", copy_binary.BIGINT), ("b", "S2")),
            stream[:11] + b"x" * 8 + stream[19:21] + b"9" * 18 + b"\xff\xff",
        )
