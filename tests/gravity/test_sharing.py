"""Consumers of one name share its partitions; takeovers of every kind lose and double nothing."""

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import asyncpg
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import events_pb2 as events
from contracts.topics import Topic
from gravity.bus import Message, Producer, create_topics
from gravity.consumer import consume
from gravity.members import dealt
from tests.gravity.sharer import (
    NAME,
    PARTITIONS,
    sharing_by_groups,
    subscription,
    topic_named,
)
from tests.infrastructure import Bus


@given(
    members=st.sets(st.uuids().map(str), min_size=1, max_size=9),
    partitions=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    consumer=st.text(max_size=9),
)
def test_every_place_is_dealt_to_one_member_and_none_has_much_more_than_another(
    members: set[str], partitions: list[int], consumer: str
) -> None:
    places = [(f"t{n}", at) for n, count in enumerate(partitions) for at in range(count)]
    shares = {member: dealt(consumer, places, members, member) for member in members}
    held = Counter(place for share in shares.values() for place in share)
    assert held == dict.fromkeys(places, 1)
    for topic in {topic for topic, _ in places}:
        sizes = [sum(name == topic for name, _ in share) for share in shares.values()]
        assert max(sizes) - min(sizes) <= 1


@dataclass(frozen=True)
class World:
    """A topic on a bus, a table of what was handled by whom, and numbered records."""

    pool: asyncpg.Pool
    postgres_url: str
    bus_url: str
    topic: Topic
    producer: Producer
    sharing: str

    async def append(self, numbers: range) -> None:
        """Append in small batches, over all partitions."""
        for start in numbers[::10]:
            chunk = range(start, min(start + 10, numbers.stop))
            messages = [Message(self.topic.name, str(n).encode(), _value(n)) for n in chunk]
            await self.producer.append_many(messages)

    @asynccontextmanager
    async def consuming(self, worker: str) -> AsyncIterator[None]:
        """A consumer in this process, ended cleanly."""
        stop = asyncio.Event()
        what = subscription(self.topic, worker)
        task = asyncio.create_task(consume(what, self.pool, self.bus_url, stop))
        try:
            yield
        finally:
            stop.set()
            await task

    @contextmanager
    def process(
        self, worker: str, *how: str, log: IO[str] | None = None
    ) -> Iterator[psutil.Process]:
        """A consumer in a process of its own, killed at the end; its warnings go to `log`."""
        words = (self.postgres_url, self.bus_url, self.topic.name, worker, self.sharing, *how)
        command = [sys.executable, "-m", "tests.gravity.sharer", *words]
        with subprocess.Popen(command, stderr=log) as started:
            try:
                yield psutil.Process(started.pid)
            finally:
                started.kill()

    async def handled(self) -> list[asyncpg.Record]:
        rows: list[asyncpg.Record] = await self.pool.fetch("select * from handled")
        return rows

    async def until(self, count: int, *workers: str) -> list[asyncpg.Record]:
        """Wait for so many different records, and for all of the workers."""
        while True:
            rows = await self.handled()
            known = {row["value"] for row in rows}
            if len(known) >= count and {row["worker"] for row in rows} >= set(workers):
                return rows
            await asyncio.sleep(0.05)


def _value(n: int) -> bytes:
    return events.PersonErased(event_id=str(n), person=n).SerializeToString()


def assert_once(rows: list[asyncpg.Record], numbers: range) -> None:
    """Each record of the log had its effect once, and none of the appended is missing."""
    places = Counter((row["partition"], row["record_offset"]) for row in rows)
    assert [place for place, times in places.items() if times > 1] == []
    assert {row["value"] for row in rows} == {_value(n) for n in numbers}


@pytest.fixture(params=["members", "groups", "cluster"])
async def world(
    request: pytest.FixtureRequest, tables: asyncpg.Pool, database_url: str
) -> AsyncIterator[World]:
    """Both ways of sharing: members on the embedded broker, groups on it and on a cluster."""
    if request.param == "cluster":
        if "GRAVITY_TEST_KAFKA_URL" not in os.environ:
            pytest.skip("GRAVITY_TEST_KAFKA_URL is not set")
        bus_url = os.environ["GRAVITY_TEST_KAFKA_URL"]
    else:
        bus: Bus = request.getfixturevalue("bus")
        bus_url = bus.url
    topic = topic_named(f"tests.sharing.{uuid.uuid4().hex[:8]}")
    await create_topics(bus_url, [topic])
    await tables.execute(
        "create table handled (worker text, partition int, record_offset bigint, value bytea)"
    )
    producer = Producer.open(bus_url)
    with sharing_by_groups() if request.param == "groups" else nullcontext():
        yield World(tables, database_url, bus_url, topic, producer, request.param)
    await producer.close()


only_members = pytest.mark.parametrize("world", ["members"], indirect=True)


async def test_two_consumers_share_the_partitions(world: World) -> None:
    async with world.consuming("a"), world.consuming("b"):
        count, readers = 0, set[tuple[str, int]]()
        # Once they have settled, each partition has one reader, and each of them reads two.
        while sorted(worker for worker, _ in readers) != ["a", "a", "b", "b"]:
            sent = range(count, count + 40)
            await world.append(sent)
            count = sent.stop
            values = {_value(n) for n in sent}
            rows = await world.until(count)
            readers = {(r["worker"], r["partition"]) for r in rows if r["value"] in values}
        assert {partition for _, partition in readers} == set(range(PARTITIONS))
    assert_once(await world.handled(), range(count))


async def test_a_member_that_joins_in_mid_load_gets_its_share(world: World) -> None:
    async with world.consuming("first"):
        await world.append(range(100))
        await world.until(100, "first")
        loading = asyncio.create_task(world.append(range(100, 1000)))
        async with world.consuming("second"):
            await loading
            count = 1000
            while "second" not in {row["worker"] for row in await world.handled()}:
                await world.append(range(count, count + 40))
                count += 40
            rows = await world.until(count, "second")
    assert_once(rows, range(count))


async def test_who_stops_is_replaced_at_once(world: World) -> None:
    async with world.consuming("stays"):
        async with world.consuming("goes"):
            count = 0
            while "goes" not in {row["worker"] for row in await world.handled()}:
                await world.append(range(count, count + 40))
                count += 40
        members = "select count(*) from consumer_members where consumer = $1"
        assert await world.pool.fetchval(members, NAME) == 1
        await world.append(range(count, count + 100))
        rows = await world.until(count + 100)
    assert_once(rows, range(count + 100))


async def test_a_process_killed_in_mid_load_is_replaced(world: World) -> None:
    with world.process("killed") as process:
        await world.append(range(100))
        await world.until(100, "killed")
        async with world.consuming("heir"):
            loading = asyncio.create_task(world.append(range(100, 1500)))
            await world.until(300)
            process.kill()
            await loading
            rows = await world.until(1500, "heir")
    assert_once(rows, range(1500))


@only_members
async def test_without_a_heartbeat_a_member_goes_on_with_what_it_has(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.consuming("a"):
        await world.append(range(100))
        await world.until(100)
        await world.pool.execute("alter table consumer_members rename to away")
        while "heartbeat not written" not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await world.append(range(100, 200))
        rows = await world.until(200)
        await world.pool.execute("alter table away rename to consumer_members")
    assert_once(rows, range(200))


@only_members
async def test_a_broker_killed_in_mid_load_is_waited_for(world: World, bus: Bus) -> None:
    async with world.consuming("a"), world.consuming("b"):
        loading = asyncio.create_task(world.append(range(1000)))
        for reached in (200, 600):
            await world.until(reached)
            await asyncio.to_thread(bus.restart)
        await loading
        rows = await world.until(1000)
    # What was appended twice, as its acknowledgement was lost, is twice in the log.
    assert_once(rows, range(1000))


@only_members
async def test_one_paused_inside_its_transaction_commits_nothing_when_it_wakes(
    world: World, tmp_path: Path
) -> None:
    await world.append(range(100))
    said = tmp_path / "log"
    with said.open("w") as log, world.process("paused", "stop-inside", log=log) as process:
        while process.status() != psutil.STATUS_STOPPED:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        # It holds its positions: until Postgres ends its transaction nobody gets past them.
        async with world.consuming("heir"):
            await world.until(100, "heir")
            assert "consumer backs off" not in said.read_text()
            process.send_signal(signal.SIGCONT)
            while "consumer backs off" not in said.read_text():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            # It reads its positions again, and may stop in its next batch.
            await world.append(range(100, 200))
            process.kill()
            rows = await world.until(200)
    assert_once(rows, range(200))
    assert {row["worker"] for row in rows} == {"heir"}
