"""A rebuild and the stream take turns, and a rebuild sees all that was applied."""

import asyncio

import asyncpg
import pytest

from contracts.topics import SWIPE_RECORDED
from features.lake_writer import consumer_name
from features.stream_lock import (
    STREAM,
    LakeBehind,
    hold_off_rebuilds,
    hold_off_stream,
    until_lake_has_all,
)
from gravity import positions
from gravity.positions import Move
from gravity.postgres import migrate


async def moved(pool: asyncpg.Pool, consumer: str, to: int) -> None:
    async with pool.acquire() as conn:
        at = await positions.load(conn, consumer, [(SWIPE_RECORDED.name, 0)])
        old = at[SWIPE_RECORDED.name, 0]
        await positions.advance(conn, consumer, [Move(SWIPE_RECORDED.name, 0, old, to)])


async def test_a_rebuild_waits_for_the_batch_in_hand(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as stream, pool.acquire() as rebuild:
        batch = stream.transaction()
        await batch.start()
        await hold_off_rebuilds(stream)
        async with rebuild.transaction():
            waiting = asyncio.create_task(hold_off_stream(rebuild))
            done, _ = await asyncio.wait([waiting], timeout=0.1)
            assert not done
            await batch.commit()
            await waiting


async def test_a_rebuild_waits_until_the_lake_has_what_was_applied(pool: asyncpg.Pool) -> None:
    await migrate(pool, "gravity")
    lake = consumer_name(SWIPE_RECORDED)
    async with pool.acquire() as conn, conn.transaction():
        await until_lake_has_all(conn, 5)
        await moved(pool, STREAM, 7)
        await moved(pool, lake, 6)
        with pytest.raises(LakeBehind):
            await until_lake_has_all(conn, 0.1)
        waiting = asyncio.create_task(until_lake_has_all(conn, 30))
        await moved(pool, lake, 7)
        await waiting
