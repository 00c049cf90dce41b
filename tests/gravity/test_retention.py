"""Only what nobody needs is deleted, and what is left can be read."""

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import topics
from gravity import positions
from gravity.bus import Consumer, Message, Producer
from gravity.bus_records import Place
from gravity.bus_retention import Batch, trim, unneeded
from gravity.settings import Settings

TOPIC = topics.PERSON_ERASED


@given(starts=st.sets(st.integers(0, 50), max_size=12), lowest=st.integers(0, 60))
def test_no_batch_with_a_needed_record_is_deleted(starts: set[int], lowest: int) -> None:
    batches = [Batch(f"{start}", start) for start in sorted(starts)]
    deleted = unneeded(batches, lowest)
    ends = [*(batch.offset for batch in batches[1:]), None]
    expected = [
        batch.key
        for batch, end in zip(batches, ends, strict=False)
        if end is not None and end <= lowest
    ]
    assert deleted == expected


async def append(producer: Producer, count: int) -> None:
    """Each its own batch."""
    for n in range(count):
        await producer.append(Message(TOPIC.name, b"key", str(n).encode()))


async def stand_at(pool: asyncpg.Pool, consumer: str, offset: int) -> None:
    async with pool.acquire() as conn:
        await positions.load(conn, consumer, [(TOPIC.name, 0)])
        await positions.advance(conn, consumer, [positions.Move(TOPIC.name, 0, 0, offset)])


async def first_left(bus_url: str) -> int:
    consumer = Consumer.open(bus_url, {(TOPIC.name, 0): 0})
    try:
        while not (records := await consumer.poll(1, 0.5)):
            pass
        return records[0].offset
    finally:
        await consumer.close()


async def test_records_below_every_consumer_are_trimmed(
    tables: asyncpg.Pool, producer: Producer, settings: Settings, bus_url: str
) -> None:
    await append(producer, 6)
    await stand_at(tables, "slow", 3)
    await stand_at(tables, "fast", 6)
    assert await trim(tables, settings, {TOPIC.name: ["slow", "fast"]}) == 3
    assert await first_left(bus_url) == 3
    assert await trim(tables, settings, {TOPIC.name: ["slow", "fast"]}) == 0


async def test_a_place_where_nothing_has_moved_is_not_looked_at_again(
    tables: asyncpg.Pool, producer: Producer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumers, trimmed = {TOPIC.name: ["reader"]}, dict[Place, int]()
    await append(producer, 3)
    await stand_at(tables, "reader", 3)
    broken = settings.model_copy(update={"s3_url": "http://127.0.0.1:1"})
    with pytest.raises(Exception, match=r"127\.0\.0\.1:1"):
        await trim(tables, broken, consumers, trimmed)
    monkeypatch.setattr("gravity.bus_retention._MOST_AT_ONCE", 1)
    assert [await trim(tables, settings, consumers, trimmed) for _ in range(3)] == [1, 1, 0]
    assert await trim(tables, broken, consumers, trimmed) == 0
    await append(producer, 1)
    async with tables.acquire() as conn:
        await positions.advance(conn, "reader", [positions.Move(TOPIC.name, 0, 3, 4)])
    assert await trim(tables, settings, consumers, trimmed) == 1


async def test_a_hold_keeps_records_until_it_is_let_go(
    tables: asyncpg.Pool, producer: Producer, settings: Settings
) -> None:
    await append(producer, 4)
    await stand_at(tables, "reader", 4)
    consumers = {TOPIC.name: ["reader"]}
    async with tables.acquire() as conn:
        await positions.hold(conn, "release:1", {(TOPIC.name, 0): 1})
    assert await trim(tables, settings, consumers) == 1
    async with tables.acquire() as conn:
        await positions.let_go(conn, "release:1")
    # The last batch stays in any case.
    assert await trim(tables, settings, consumers) == 2


@pytest.mark.parametrize("consumers", [{}, {TOPIC.name: ["reader", "not started yet"]}])
async def test_a_topic_whose_readers_are_not_all_known_is_left_alone(
    tables: asyncpg.Pool,
    producer: Producer,
    settings: Settings,
    consumers: dict[str, list[str]],
) -> None:
    await append(producer, 3)
    await stand_at(tables, "reader", 3)
    assert await trim(tables, settings, consumers) == 0


async def test_appending_goes_on_after_trimming(
    tables: asyncpg.Pool, producer: Producer, settings: Settings
) -> None:
    await append(producer, 3)
    await stand_at(tables, "reader", 3)
    await trim(tables, settings, {TOPIC.name: ["reader"]})
    at = await producer.append(Message(TOPIC.name, b"key", b"next"))
    assert at.offset == 3
