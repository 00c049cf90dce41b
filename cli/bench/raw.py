"""What the log and the database do without HTTP, and what a partition costs."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypedDict

import asyncpg

from cli.bench import cpu
from cli.bench.ceilings import INSERT_ROWS
from contracts import events_pb2 as events
from contracts.topics import Topic
from gravity.bus import Consumer, Message, Producer, create_topics
from gravity.kernel import utc_now

_AT_ONCE: Final = 1000
_ABOUT_A_SWIPE: Final = b"x" * 160
_ROWS: Final = 2000
PARTITIONS: Final = (1, 2, 4, 8)
_RECORDS: Final = 20_000


class PartitionCost(TypedDict):
    """Records appended and read back on a topic of so many partitions; `cpu_us`: of the broker, its
    store, the producer and the consumer together, a record."""

    partitions: int
    per_s: float
    cpu_us: float


@dataclass(frozen=True, slots=True)
class _Spent:
    at: float
    cpu_s: float

    @classmethod
    def now(cls, pids: Mapping[str, int]) -> "_Spent":
        used = cpu.seconds(pids)
        return cls(time.monotonic(), time.process_time() + used["broker"] + used["s3"])


async def append_rate(bus_url: str, seconds: float) -> float:
    """Records a second of one producer: a thousand at once, two such appends under way."""
    topic = Topic("bench.raw", 2, 2, events.PairCommand)
    await create_topics(bus_url, [topic])
    producer = Producer.open(bus_url)
    began = time.monotonic()
    done = 0

    async def append() -> None:
        nonlocal done
        while time.monotonic() - began < seconds:
            await producer.append_many(_messages(topic, _AT_ONCE))
            done += _AT_ONCE

    try:
        await asyncio.gather(append(), append())
        return done / (time.monotonic() - began)
    finally:
        await producer.close()


async def insert_rate(pool: asyncpg.Pool, seconds: float) -> float:
    """Rows a second of two connections, each with 2,000 rows a transaction."""
    began = time.monotonic()
    done = 0

    async def insert(swiper: int) -> None:
        nonlocal done
        at = [utc_now()] * _ROWS
        while time.monotonic() - began < seconds:
            swiper -= 2
            await pool.execute(INSERT_ROWS, [swiper] * _ROWS, list(range(_ROWS)), [1] * _ROWS, at)
            done += _ROWS

    # Swipers below zero: nobody of any load.
    await asyncio.gather(insert(0), insert(-1))
    return done / (time.monotonic() - began)


async def partition_costs(bus_url: str, pids: Mapping[str, int]) -> list[PartitionCost]:
    """The same records through topics of more and more partitions."""
    return [await _partition_cost(bus_url, pids, count) for count in PARTITIONS]


async def _partition_cost(bus_url: str, pids: Mapping[str, int], count: int) -> PartitionCost:
    topic = Topic(f"bench.partitions.{count}", count, count, events.PairCommand)
    await create_topics(bus_url, [topic])
    producer = Producer.open(bus_url)
    consumer = Consumer.open(bus_url, {(topic.name, n): 0 for n in range(count)})
    before = _Spent.now(pids)
    try:
        read = asyncio.create_task(_read(consumer, _RECORDS))
        for _ in range(_RECORDS // _AT_ONCE):
            await producer.append_many(_messages(topic, _AT_ONCE))
        await read
        after = _Spent.now(pids)
    finally:
        await consumer.close()
        await producer.close()
    return PartitionCost(
        partitions=count,
        per_s=round(_RECORDS / (after.at - before.at), 1),
        cpu_us=round((after.cpu_s - before.cpu_s) / _RECORDS * 1e6, 1),
    )


async def _read(consumer: Consumer, count: int) -> None:
    left = count
    while left > 0:
        left -= len(await consumer.poll(_AT_ONCE, 0.5))


def _messages(topic: Topic, count: int) -> Sequence[Message]:
    return [Message(topic.name, b"%d" % n, _ABOUT_A_SWIPE) for n in range(count)]
