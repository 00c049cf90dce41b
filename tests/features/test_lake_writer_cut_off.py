"""Wherever the writer of the lake is cut off, each record is in the lake once when it is read."""

import asyncio
import types
from collections.abc import Coroutine, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg

from contracts.topics import SWIPE_RECORDED
from features import lake_writer
from features.lake import read_rows, read_swipes
from gravity import positions
from gravity.bus import Record
from gravity.consumer import Subscription
from gravity.positions import Move
from gravity.postgres import migrate
from tests.features.file_changes import killed_before
from tests.features.test_lake_writer import swipe

COUNT = 12
TABLES = lake_writer.TABLES[SWIPE_RECORDED]
RECORDS = [
    # With headers that go to another process.
    Record(SWIPE_RECORDED.name, n % 2, n // 2, b"", swipe(n).SerializeToString(), {})
    for n in range(COUNT)
]


async def consume_once(pool: asyncpg.Pool, subscription: Subscription, most: int) -> int:
    """One batch as `gravity.consumer` takes it; how many records were left before it."""
    async with pool.acquire() as conn:
        at = await positions.load(
            conn, subscription.name, {(r.topic, r.partition) for r in RECORDS}
        )
    left = [r for r in RECORDS if r.offset >= at[r.topic, r.partition]]
    batch = left[:most]
    ends = {(r.topic, r.partition): r.offset + 1 for r in batch}
    if batch:
        async with pool.acquire() as conn, conn.transaction():
            moves = [Move(*place, at[place], end) for place, end in ends.items()]
            await positions.advance(conn, subscription.name, moves)
            await subscription.handle(conn, batch)
    return len(left)


@types.coroutine
def _cancelling(work: Coroutine[Any, Any, object], nth: int) -> Generator[Any, Any, bool]:
    """Drive `work` and cancel its task as it waits for the n-th time; whether it came so far."""
    resume = partial(work.send, None)
    for waits in count(1):
        try:
            waited = resume()
        except StopIteration:
            return waits > nth
        if waits == nth:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        try:
            yield waited
            resume = partial(work.send, None)
        except BaseException as error:
            resume = partial(work.throw, error)
    raise AssertionError


async def cut_off(work: Coroutine[Any, Any, object], nth: int) -> bool:
    """Whether `work` was cancelled at its n-th await; False where it was finished before."""

    async def attempt() -> bool:
        return await _cancelling(work, nth)

    try:
        return await asyncio.create_task(attempt())
    except asyncio.CancelledError:
        return True


async def test_cut_off_at_any_await(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Threads go on with the files of a batch whose transaction is gone, as a late process may."""
    await migrate(pool, "gravity")
    for nth in count(1):
        threads = ThreadPoolExecutor()
        asyncio.get_running_loop().set_default_executor(threads)
        root = str(tmp_path / str(nth))
        write = lake_writer.subscriptions(root)[0]
        subscription = Subscription(f"{write.name}.{nth}", write.topics, write.handle)
        was_cut = await cut_off(consume_once(pool, subscription, 7), nth)
        while await consume_once(pool, subscription, 5):
            pass
        threads.shutdown()
        assert everything_once(root)
        if not was_cut:
            break
    assert nth > 8
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())


def test_killed_at_any_change_of_a_file(tmp_path: Path) -> None:
    for nth in count(1):
        root = tmp_path / str(nth)
        was_killed = killed_before(nth, root, lake_writer.write, str(root), TABLES, RECORDS[:8])
        # The position was not moved: all of it comes again, in other batches.
        for batch in (RECORDS[:5], RECORDS[5:]):
            lake_writer.write(str(root), TABLES, batch)
        assert everything_once(root)
        if not was_killed:
            break
    assert nth > 10


def everything_once(root: str | Path) -> bool:
    found: Sequence[object] = read_swipes(root)["event_id"].to_pylist()
    assert read_rows(root, "swipes").num_rows == COUNT
    return sorted(map(str, found)) == sorted(f"e{n}" for n in range(COUNT))
