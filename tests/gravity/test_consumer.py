"""Effects and position move together, whatever breaks in between."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest

from contracts import events_pb2 as events
from contracts import topics
from gravity import positions
from gravity.bus import Message, Producer, Record
from gravity.consumer import Handle, InvalidRecord, Subscription, consume
from tests.gravity.conftest import Watcher
from tests.infrastructure import Bus

TOPIC = topics.PERSON_ERASED


def erased(n: int) -> Message:
    value = events.PersonErased(event_id=str(n), person=n).SerializeToString()
    return Message(TOPIC.name, topics.person_key(n), value)


async def note(conn: asyncpg.Connection, records: Sequence[Record]) -> None:
    """Write down what was handled."""
    for record in records:
        event = events.PersonErased.FromString(record.value)
        await conn.execute("insert into effects (event_id) values ($1)", event.event_id)


@asynccontextmanager
async def consuming(
    handle: Handle, pool: asyncpg.Pool, bus_url: str, name: str = "notes"
) -> AsyncIterator[None]:
    stop = asyncio.Event()
    subscription = Subscription(name, (TOPIC,), handle)
    task = asyncio.create_task(consume(subscription, pool, bus_url, stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def noted(pool: asyncpg.Pool | asyncpg.Connection) -> list[str]:
    rows = await pool.fetch("select event_id from effects order by n")
    return [row["event_id"] for row in rows]


async def until_noted(pool: asyncpg.Pool | asyncpg.Connection, count: int) -> list[str]:
    """Wait for so many effects; the test's own limit ends a wait in vain."""
    while len(found := await noted(pool)) < count:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    return found


async def position(pool: asyncpg.Pool, name: str = "notes") -> int | None:
    value: int | None = await pool.fetchval(
        "select sum(next_offset)::bigint from positions where consumer = $1", name
    )
    return value


async def test_every_record_has_its_effect_once_and_in_order(
    tables: asyncpg.Pool, producer: Producer, bus_url: str
) -> None:
    await producer.append_many([erased(n) for n in range(1, 6)])
    async with consuming(note, tables, bus_url):
        await until_noted(tables, 5)
        await producer.append(erased(6))
        assert await until_noted(tables, 6) == ["1", "2", "3", "4", "5", "6"]
    assert await position(tables) == 6


async def test_a_consumer_goes_on_where_the_last_one_stopped(
    tables: asyncpg.Pool, producer: Producer, bus_url: str
) -> None:
    await producer.append_many([erased(n) for n in range(1, 4)])
    async with consuming(note, tables, bus_url):
        await until_noted(tables, 3)
    await producer.append(erased(4))
    async with consuming(note, tables, bus_url):
        assert await until_noted(tables, 4) == ["1", "2", "3", "4"]


async def test_positions_beyond_an_empty_log_are_an_error_that_is_logged(
    tables: asyncpg.Pool, producer: Producer, bus_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with tables.acquire() as conn:
        await positions.load(conn, "notes", [(TOPIC.name, 0)])
        await positions.advance(conn, "notes", [positions.Move(TOPIC.name, 0, old=0, new=3)])
    async with consuming(note, tables, bus_url):
        while not any("ends at 0" in str(r.exc_info) for r in caplog.records):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await producer.append_many([erased(n) for n in range(1, 6)])
        # The log reaches the position: from here on nothing tells the two apart.
        assert await until_noted(tables, 2) == ["4", "5"]


async def test_a_failed_handler_leaves_nothing_and_is_asked_again(
    tables: asyncpg.Pool, producer: Producer, bus_url: str
) -> None:
    failures = iter([True, True, False])

    async def fail_twice(conn: asyncpg.Connection, records: Sequence[Record]) -> None:
        await note(conn, records)
        if next(failures, False):
            raise ConnectionError("not now")

    await producer.append_many([erased(1), erased(2)])
    async with consuming(fail_twice, tables, bus_url):
        assert await until_noted(tables, 2) == ["1", "2"]


async def test_a_record_that_does_not_parse_is_skipped(
    tables: asyncpg.Pool, producer: Producer, bus_url: str
) -> None:
    await producer.append(erased(1))
    await producer.append(Message(TOPIC.name, b"2", b"\xff\xff\xff"))
    await producer.append(erased(3))
    async with consuming(note, tables, bus_url):
        assert await until_noted(tables, 2) == ["1", "3"]
    assert await position(tables) == 3


async def test_a_record_that_its_handler_calls_invalid_is_skipped_alone(
    tables: asyncpg.Pool, producer: Producer, bus_url: str
) -> None:
    async def refuse_the_second(conn: asyncpg.Connection, records: Sequence[Record]) -> None:
        await note(conn, records)
        for record in records:
            if events.PersonErased.FromString(record.value).person == 2:
                raise InvalidRecord(record, "nobody has this id")

    await producer.append_many([erased(1), erased(2), erased(3)])
    async with consuming(refuse_the_second, tables, bus_url):
        assert await until_noted(tables, 2) == ["1", "3"]
    assert await position(tables) == 3


async def test_two_consumers_of_one_name_have_each_effect_once(
    tables: asyncpg.Pool, producer: Producer, bus_url: str
) -> None:
    async with consuming(note, tables, bus_url), consuming(note, tables, bus_url):
        for n in range(1, 21):
            await producer.append(erased(n))
        found = await until_noted(tables, 20)
    assert found == [str(n) for n in range(1, 21)]


async def test_consumers_of_different_names_each_get_every_record(
    tables: asyncpg.Pool, producer: Producer, bus_url: str
) -> None:
    await producer.append(erased(1))
    async with consuming(note, tables, bus_url, "a"), consuming(note, tables, bus_url, "b"):
        assert await until_noted(tables, 2) == ["1", "1"]


async def test_lost_database_connections_lose_and_repeat_nothing(
    tables: asyncpg.Pool, watcher: Watcher, producer: Producer, bus_url: str
) -> None:
    async with consuming(note, tables, bus_url):
        for n in range(1, 11):
            await producer.append(erased(n))
            if n % 3 == 0:
                await watcher.cut()
        assert await until_noted(watcher.conn, 10) == [str(n) for n in range(1, 11)]


async def test_a_killed_broker_loses_and_repeats_nothing(
    tables: asyncpg.Pool, producer: Producer, bus: Bus
) -> None:
    async with consuming(note, tables, bus.url):
        for n in range(1, 31):
            if n % 10 == 0:
                await asyncio.to_thread(bus.restart)
            await producer.append(erased(n))
        found = await until_noted(tables, 30)
    # An acknowledgement that is lost makes the producer append again.
    assert list(dict.fromkeys(found)) == [str(n) for n in range(1, 31)]


async def test_a_displaced_consumer_cannot_commit(tables: asyncpg.Pool) -> None:
    move = positions.Move(TOPIC.name, 0, old=0, new=5)
    async with tables.acquire() as conn:
        await positions.load(conn, "notes", [(TOPIC.name, 0)])
        await positions.advance(conn, "notes", [move])
        with pytest.raises(positions.Displaced):
            async with conn.transaction():
                await conn.execute("insert into effects (event_id) values ('late')")
                await positions.advance(conn, "notes", [move])
    assert await noted(tables) == []
    assert await position(tables) == 5
