"""Events leave with the transaction that caused them, in order, and are never lost."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, cast

import asyncpg
import pytest

from contracts import topics
from gravity import outbox
from gravity.bus import AppendFailed, Consumer, Message, Producer, RecordPosition
from tests.gravity.conftest import Watcher

TOPIC = topics.PERSON_ERASED


def message(n: int) -> Message:
    return Message(TOPIC.name, b"key", str(n).encode())


@asynccontextmanager
async def relaying(pool: asyncpg.Pool, producer: Producer, relays: int = 1) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(outbox.relay(pool, producer, "lane", stop)) for _ in range(relays)]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def put(pool: asyncpg.Pool, *numbers: int) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await outbox.put(conn, "lane", [message(n) for n in numbers])


async def distinct(bus_url: str, count: int) -> list[int]:
    """The first `count` different numbers on the bus, in the order of their first occurrence."""
    asked = count
    while len(found := dict.fromkeys(await published(bus_url, asked))) < count:
        asked += 1
    return list(found)


async def published(bus_url: str, count: int) -> list[int]:
    consumer = Consumer.open(bus_url, {(TOPIC.name, 0): 0})
    values: list[int] = []
    try:
        while len(values) < count:
            values += [int(record.value) for record in await consumer.poll(100, 0.5)]
        return values
    finally:
        await consumer.close()


async def left(pool: asyncpg.Pool) -> int:
    count: int = await pool.fetchval("select count(*) from outbox")
    return count


async def test_committed_events_are_published_in_order_and_deleted(
    tables: asyncpg.Pool, producer: Producer, bus_url: str
) -> None:
    async with relaying(tables, producer):
        await put(tables, 1, 2)
        await put(tables, 3)
        assert await published(bus_url, 3) == [1, 2, 3]
    assert await left(tables) == 0


async def test_the_first_event_goes_at_once_and_those_that_follow_go_together(
    tables: asyncpg.Pool, producer: Producer
) -> None:
    appended: list[tuple[float, int]] = []

    class Noting:
        async def append_many(self, messages: list[Message]) -> list[RecordPosition]:
            appended.append((time.monotonic(), len(messages)))
            return await producer.append_many(messages)

    stop = asyncio.Event()
    noting = cast("Producer", Noting())
    relay = asyncio.create_task(outbox.relay(tables, noting, "lane", stop, every_s=0.5))
    try:
        for n in range(20):
            await put(tables, n)
            await asyncio.sleep(0.05)
        async with asyncio.timeout(20):
            while await left(tables):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        stop.set()
        await relay
    assert appended[0][1] < 20
    assert sum(count for _, count in appended) == 20
    # So many begin in that time half a second apart, whatever the machine does.
    assert len(appended) <= (appended[-1][0] - appended[0][0]) / 0.5 + 2


async def test_an_event_of_a_transaction_that_failed_is_never_published(
    tables: asyncpg.Pool, producer: Producer, bus_url: str
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with tables.acquire() as conn, conn.transaction():
            await outbox.put(conn, "lane", [message(1)])
            raise ZeroDivisionError
    await put(tables, 2)
    async with tables.acquire() as conn:
        assert await outbox.relay_once(conn, producer, "lane") == 1
    assert await published(bus_url, 1) == [2]


async def test_an_event_that_could_not_be_appended_stays(tables: asyncpg.Pool) -> None:
    await put(tables, 1)
    nowhere = Producer.open("tansu://127.0.0.1:1", deadline_s=0.1)
    async with tables.acquire() as conn:
        with pytest.raises(AppendFailed):
            await outbox.relay_once(conn, nowhere, "lane")
    await nowhere.close()
    assert await left(tables) == 1


async def test_a_lane_has_one_relay_at_a_time(
    tables: asyncpg.Pool, producer: Producer, bus_url: str
) -> None:
    async with relaying(tables, producer, relays=3):
        for n in range(1, 31):
            await put(tables, n)
        assert await published(bus_url, 30) == list(range(1, 31))
    assert await left(tables) == 0


async def test_a_relay_survives_the_loss_of_its_connection(
    tables: asyncpg.Pool, watcher: Watcher, producer: Producer, bus_url: str
) -> None:
    async with relaying(tables, producer):
        await put(tables, 1)
        assert await published(bus_url, 1) == [1]
        await watcher.cut()
        async with watcher.conn.transaction():
            await outbox.put(watcher.conn, "lane", [message(2)])
        # Cut between append and deletion, the first is published again: at least once.
        assert await distinct(bus_url, 2) == [1, 2]


async def test_lanes_do_not_mix(tables: asyncpg.Pool, producer: Producer) -> None:
    await put(tables, 1)
    async with tables.acquire() as conn:
        assert await outbox.relay_once(conn, producer, "another lane") == 0
    assert await left(tables) == 1


class CutOff(BaseException):
    """The process ends here."""


class _CutAt:
    """Drives a coroutine and ends it at its n-th suspension, as a crash there would."""

    def __init__(self, work: Coroutine[Any, Any, object], n: int) -> None:
        self._work = work
        self._left = n
        self.cut = False

    def __await__(self) -> Generator[Any, Any, None]:
        steps = self._work.__await__()
        send: Callable[[], Any] = partial(next, steps)
        while True:
            try:
                waited_for = send()
            except StopIteration:
                return
            if self._left == 0:
                self.cut = True
                with suppress(CutOff):
                    steps.throw(CutOff())
                return
            self._left -= 1
            try:
                answer = yield waited_for
                send = partial(steps.send, answer)
            except BaseException as error:
                send = partial(steps.throw, error)


async def _crash(url: str, producer: Producer, n: int) -> bool:
    """Relay on a connection of its own and die at the n-th suspension; whether it came so far."""
    conn = await asyncpg.connect(url)
    try:
        crashed = _CutAt(outbox.relay_once(conn, producer, "lane"), n)
        await crashed
        return crashed.cut
    finally:
        # The server sees a connection that is gone, as after a kill.
        conn.terminate()


async def test_a_relay_that_dies_at_any_point_loses_nothing_and_keeps_the_order(
    tables: asyncpg.Pool, database_url: str, producer: Producer, bus_url: str
) -> None:
    # One key: each event is a wave of its own, and so a point at which to die.
    sent, deaths, cut = 0, 0, True
    while cut:
        await put(tables, *range(sent, sent + 3))
        sent += 3
        cut = await _crash(database_url, producer, deaths)
        deaths += cut
        async with tables.acquire() as conn:
            await outbox.relay_once(conn, producer, "lane")
        assert await left(tables) == 0
    # The query, three waves, the deletion.
    assert deaths >= 5
    # At least once, and first copies in order.
    assert await distinct(bus_url, sent) == list(range(sent))
