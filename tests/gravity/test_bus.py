"""The contract of the bus: what every engine must keep, over the real embedded broker and, where
GRAVITY_TEST_KAFKA_URL names one, a cluster. Sharing has its own (test_sharing.py), and so has what
only the embedded broker needs (test_gaps.py, test_retention.py).
"""

import asyncio
import os
import time
import uuid
from collections.abc import AsyncIterator

import confluent_kafka
import pytest

from contracts import events_pb2 as events
from contracts.topics import Topic
from gravity.bus import (
    AppendFailed,
    Consumer,
    Message,
    Producer,
    Record,
    RecordPosition,
    TopicMismatch,
    create_topics,
)
from gravity.bus_engines import UnknownBus, engine_of
from tests.infrastructure import Bus

# A cluster keeps its log: each session has a topic of its own.
TOPIC = Topic(f"tests.bus.{uuid.uuid4().hex[:8]}", 2, 2, events.PersonErased)
START = {(TOPIC.name, 0): 0, (TOPIC.name, 1): 0}


@pytest.fixture(params=["embedded", "cluster"])
def bus_url(request: pytest.FixtureRequest) -> str:
    """Every engine; a cluster (a test topic is made in it) where GRAVITY_TEST_KAFKA_URL says so."""
    if request.param == "embedded":
        bus: Bus = request.getfixturevalue("bus")
        return bus.url
    if "GRAVITY_TEST_KAFKA_URL" not in os.environ:
        pytest.skip("GRAVITY_TEST_KAFKA_URL is not set")
    return os.environ["GRAVITY_TEST_KAFKA_URL"]


@pytest.fixture
async def producer(bus_url: str) -> AsyncIterator[Producer]:
    await create_topics(bus_url, [TOPIC])
    producer = Producer.open(bus_url)
    yield producer
    await producer.close()


async def read(bus_url: str, start: dict[tuple[str, int], int], count: int) -> list[Record]:
    consumer = Consumer.open(bus_url, start)
    records: list[Record] = []
    try:
        while len(records) < count:
            records += await consumer.poll(100, 0.5)
        return records
    finally:
        await consumer.close()


def messages(count: int) -> list[Message]:
    return [Message(TOPIC.name, f"key {n % 7}".encode(), str(n).encode()) for n in range(count)]


async def test_what_is_appended_is_read_with_its_key_value_and_headers(
    producer: Producer, bus_url: str
) -> None:
    at = await producer.append(Message(TOPIC.name, b"key", b"value", {"colour": b"red"}))
    [record] = await read(bus_url, START, 1)
    assert (record.topic, record.partition, record.offset) == (TOPIC.name, at.partition, at.offset)
    assert (record.key, record.value) == (b"key", b"value")
    assert record.headers == {"colour": b"red"}
    assert record.timestamp_ms > 0


async def test_a_batch_keeps_the_order_of_each_key(producer: Producer, bus_url: str) -> None:
    sent = messages(50)
    positions = await producer.append_many(sent)
    records = await read(bus_url, START, 50)
    assert {RecordPosition(r.partition, r.offset): r.value for r in records} == dict(
        zip(positions, (message.value for message in sent), strict=True)
    )
    for n in range(7):
        key = f"key {n}".encode()
        expected = [message.value for message in sent if message.key == key]
        assert [record.value for record in records if record.key == key] == expected


async def test_reading_starts_at_the_given_offset(producer: Producer, bus_url: str) -> None:
    [first, second, third] = [
        await producer.append(Message(TOPIC.name, b"one key", value))
        for value in (b"a", b"b", b"c")
    ]
    assert first.offset < second.offset < third.offset
    records = await read(bus_url, {(TOPIC.name, second.partition): second.offset}, 2)
    assert [record.value for record in records] == [b"b", b"c"]


async def test_records_without_headers_have_none(producer: Producer, bus_url: str) -> None:
    await producer.append(Message(TOPIC.name, b"key", b"value", {}))
    [record] = await read(bus_url, START, 1)
    assert record.headers == {}


async def test_what_many_producers_append_at_once_is_read_whole_and_in_order(
    producer: Producer, bus_url: str
) -> None:
    """Each producer's records of a key in its order; a partition's by offset; none is skipped."""
    writers = [Producer.open(bus_url) for _ in range(4)]
    consumer = Consumer.open(bus_url, START)

    async def write(writer: int) -> list[RecordPosition]:
        return [
            await writers[writer].append(Message(TOPIC.name, b"one key", b"%d %d" % (writer, n)))
            for n in range(100)
        ]

    writing = asyncio.gather(*map(write, range(4)))
    records: list[Record] = []
    while not writing.done():
        records += await consumer.poll(500, 0.1)
    acknowledged = {position for each in await writing for position in each}
    last = await producer.append(Message(TOPIC.name, b"one key", b"4 0"))
    while not records or records[-1].offset < last.offset:
        records += await consumer.poll(500, 0.5)
    await consumer.close()
    for each in writers:
        await each.close()
    assert acknowledged - {RecordPosition(r.partition, r.offset) for r in records} == set()
    offsets = [record.offset for record in records]
    assert offsets == sorted(set(offsets))
    for writer in range(4):
        own = [r.value for r in records if r.value.startswith(b"%d " % writer)]
        assert list(dict.fromkeys(own)) == [b"%d %d" % (writer, n) for n in range(100)]


async def test_a_backlog_is_read_whole_and_what_comes_after_it_too(
    producer: Producer, bus_url: str
) -> None:
    old = confluent_kafka.Producer(engine_of(bus_url).producer)
    an_hour_ago = int((time.time() - 3600) * 1000)
    for n in range(20):
        old.produce(TOPIC.name, key=b"key 0", value=str(n).encode(), timestamp=an_hour_ago)
        old.flush()
    consumer = Consumer.open(bus_url, START)
    records: list[Record] = []
    while len(records) < 20:
        records += await consumer.poll(3, 0.5)
    for n in range(20, 25):
        await producer.append(Message(TOPIC.name, b"key 0", str(n).encode()))
        while len(records) <= n:
            records += await consumer.poll(3, 0.5)
    await consumer.close()
    assert [int(record.value) for record in records] == list(range(25))


async def test_a_poll_ends_empty_when_there_is_nothing(producer: Producer, bus_url: str) -> None:
    consumer = Consumer.open(bus_url, START)
    assert await consumer.poll(10, 0.2) == []
    await consumer.close()


async def test_the_end_of_a_log_is_told_or_else_early(producer: Producer, bus_url: str) -> None:
    place = (
        TOPIC.name,
        (await producer.append_many([Message(TOPIC.name, b"1", b"")]))[0].partition,
    )
    last = (await producer.append_many([Message(TOPIC.name, b"1", b"")] * 3))[-1]
    consumer = Consumer.open(bus_url, START)
    try:
        ends = await consumer.ends()
    finally:
        await consumer.close()
    assert ends.keys() == START.keys()
    behind = last.offset + 1
    assert 0 < ends[place] <= behind
    assert ends[place] == behind or engine_of(bus_url).ends_early_s


async def test_an_append_that_no_broker_acknowledges_fails() -> None:
    producer = Producer.open("tansu://127.0.0.1:1", deadline_s=0.1)
    with pytest.raises(AppendFailed):
        await producer.append(Message("tests.nowhere", b"k", b"v"))
    await producer.close()


async def test_an_append_waits_no_longer_than_its_deadline() -> None:
    """The library itself looks for records that are too old only once a second."""
    producer = Producer.open("tansu://127.0.0.1:1", deadline_s=0.1)
    began = time.monotonic()
    with pytest.raises(AppendFailed):
        await producer.append(Message("tests.nowhere", b"k", b"v"))
    assert time.monotonic() - began < 0.7
    await producer.close()


async def test_topics_may_be_created_twice_and_at_once(bus_url: str) -> None:
    await asyncio.gather(create_topics(bus_url, [TOPIC]), create_topics(bus_url, [TOPIC]))
    await create_topics(bus_url, [TOPIC])


async def test_a_topic_with_another_number_of_partitions_is_refused(bus_url: str) -> None:
    await create_topics(bus_url, [TOPIC])
    with pytest.raises(TopicMismatch) as refused:
        await create_topics(bus_url, [Topic(TOPIC.name, 4, 4, TOPIC.message)])
    mismatch = refused.value
    assert (mismatch.topic, mismatch.found, mismatch.expected) == (TOPIC.name, 2, 4)


@pytest.mark.parametrize("url", ["nats://127.0.0.1:1", "127.0.0.1:9092", "kafka://", ""])
def test_another_scheme_is_refused(url: str) -> None:
    with pytest.raises(UnknownBus):
        engine_of(url)


def test_each_engine_gets_the_producer_it_keeps_its_promises_with() -> None:
    embedded, cluster = engine_of("tansu://h:1"), engine_of("kafka://a:1,b:2")
    assert embedded.producer["enable.idempotence"] is False
    assert embedded.producer["max.in.flight"] == 1
    assert cluster.producer["enable.idempotence"] is True
    assert cluster.producer["bootstrap.servers"] == "a:1,b:2"
    assert embedded.producer["acks"] == cluster.producer["acks"] == "all"
    assert (embedded.needs_trimming, cluster.needs_trimming) == (True, False)
    assert (embedded.shows_gaps, cluster.shows_gaps) == (True, False)


def test_a_cluster_shares_by_its_groups_and_never_stores_offsets() -> None:
    embedded, cluster = engine_of("tansu://h:1"), engine_of("kafka://a:1,b:2")
    assert embedded.group is None
    assert cluster.group is not None
    assert cluster.group["bootstrap.servers"] == "a:1,b:2"
    for config in (cluster.group, cluster.consumer):
        assert (config["enable.auto.commit"], config["enable.auto.offset.store"]) == (False, False)
