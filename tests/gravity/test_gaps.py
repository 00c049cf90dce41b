"""What is read before its predecessor exists is held back; what never comes is passed."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import asyncpg
import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from contracts import topics
from gravity.bus import Consumer, Message, Producer, Record
from gravity.bus_gaps import WAIT_S, Gaps, Passed
from gravity.bus_retention import trim
from gravity.settings import Settings
from tests.gravity.test_retention import stand_at

TOPIC = topics.PERSON_ERASED
PLACE = (TOPIC.name, 0)
NOW_MS = 1_700_000_000_000.0


def record(offset: int, age_ms: float = 0) -> Record:
    return Record(*PLACE, offset, b"", b"", timestamp_ms=int(NOW_MS - age_ms))


def read(gaps: Gaps, log: Sequence[int], now: float, age_ms: float = 0) -> list[int]:
    """Read what is in the log from where the reader stands, as far as it admits."""
    start = gaps.due(now).get(PLACE, gaps.next[PLACE])
    if PLACE in gaps.held():
        return []
    found = [record(offset, age_ms) for offset in sorted(log) if offset >= start]
    return [each.offset for each in found if gaps.admits(each, now, NOW_MS)]


@given(arrival=st.permutations(range(8)), pauses=st.lists(st.floats(0, 0.6), min_size=8))
def test_records_that_appear_in_any_order_are_read_in_order(
    arrival: list[int], pauses: list[float]
) -> None:
    gaps, log, now = Gaps({PLACE: 0}), list[int](), 0.0
    seen: list[int] = []
    for offset, pause in zip(arrival, pauses, strict=False):
        log.append(offset)
        now += pause
        seen += read(gaps, log, now)
    seen += read(gaps, log, now + 1)
    assert seen == list(range(8))
    assert gaps.passed() == []


def test_a_gap_is_passed_only_by_a_reading_that_began_after_the_whole_wait() -> None:
    gaps = Gaps({PLACE: 0})
    assert read(gaps, [0, 2, 3], now=0.0) == [0]
    assert read(gaps, [0, 2, 3], now=WAIT_S - 0.1) == []
    assert read(gaps, [0, 2, 3], now=WAIT_S + 0.2) == [2, 3]
    assert gaps.passed() == [Passed(*PLACE, expected=1, found=2)]
    assert read(gaps, [0, 2, 3, 4], now=WAIT_S + 0.3) == [4]
    assert (gaps.passed(), gaps.open) == ([], {})


def test_what_was_fetched_before_the_partition_is_read_again_is_not_admitted() -> None:
    gaps = Gaps({PLACE: 0})
    assert not gaps.admits(record(2), 0.0, NOW_MS)
    assert not gaps.admits(record(3), WAIT_S + 1, NOW_MS)


def test_in_front_of_old_records_nobody_waits() -> None:
    gaps = Gaps({PLACE: 0})
    assert read(gaps, [0, 2], now=0.0, age_ms=61_000) == [0, 2]
    assert gaps.passed() == [Passed(*PLACE, expected=1, found=2)]


async def offsets(consumer: Consumer, until: int) -> list[int]:
    """The offsets that are read, up to `until`."""
    found: list[int] = []
    while not found or found[-1] < until:
        found += [each.offset for each in await consumer.poll(500, 0.5)]
    return found


def passed() -> float:
    """Gaps counted as passed."""
    return REGISTRY.get_sample_value("bus_gaps_passed_total", {"topic": TOPIC.name}) or 0.0


async def test_a_batch_that_never_comes_is_passed_after_the_wait_and_counted(
    producer: Producer, settings: Settings, bus_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    for n in range(5):
        await producer.append(Message(TOPIC.name, b"k", str(n).encode()))
    remove_batch(settings, 2)
    before, began = passed(), time.monotonic()
    consumer = Consumer.open(bus_url, {PLACE: 0})
    assert await offsets(consumer, 4) == [0, 1, 3, 4]
    await consumer.close()
    assert time.monotonic() - began >= WAIT_S
    assert passed() == before + 1
    assert [r.message for r in caplog.records if r.name == "gravity.bus_consumer"] == [
        "records are missing"
    ]


async def test_a_gap_that_fills_while_it_is_waited_for_is_read(
    producer: Producer, settings: Settings, bus_url: str
) -> None:
    for n in range(4):
        await producer.append(Message(TOPIC.name, b"k", str(n).encode()))
    batch = remove_batch(settings, 1)
    before = passed()
    consumer = Consumer.open(bus_url, {PLACE: 0})
    reading = asyncio.create_task(offsets(consumer, 3))
    while not consumer._gaps.open:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    put_batch(settings, 1, batch)
    assert await reading == [0, 1, 2, 3]
    await consumer.close()
    assert passed() == before


async def test_a_trimmed_beginning_is_no_gap(
    tables: asyncpg.Pool, producer: Producer, settings: Settings, bus_url: str
) -> None:
    for n in range(5):
        await producer.append(Message(TOPIC.name, b"k", str(n).encode()))
    await stand_at(tables, "reader", 3)
    assert await trim(tables, settings, {TOPIC.name: ["reader"]}) == 3
    before = passed()
    consumer = Consumer.open(bus_url, {PLACE: 1})
    assert await offsets(consumer, 4) == [3, 4]
    await consumer.close()
    assert passed() == before


def _object(settings: Settings, offset: int) -> dict[str, str]:
    folder = f"clusters/tansu_cluster/topics/{TOPIC.name}/partitions/0000000000/records"
    return {"Bucket": settings.bus_bucket or "", "Key": f"{folder}/{offset:020}.batch"}


def _store(settings: Settings) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=settings.s3_url,
        aws_access_key_id=settings.s3_access_key.get_secret_value(),
        aws_secret_access_key=settings.s3_secret_key.get_secret_value(),
        region_name="us-east-1",
    )


def remove_batch(settings: Settings, offset: int) -> bytes:
    """Take a stored batch away, and return it."""
    store, where = _store(settings), _object(settings, offset)
    batch: bytes = store.get_object(**where)["Body"].read()
    store.delete_object(**where)
    return batch


def put_batch(settings: Settings, offset: int, batch: bytes) -> None:
    """Store it again."""
    _store(settings).put_object(**_object(settings, offset), Body=batch)
