"""A consumer to be run in a process of its own, which tests kill and pause.

`python -m tests.gravity.sharer POSTGRES_URL BUS_URL TOPIC WORKER [groups] [stop-inside]`; it writes
down who handled which record. With the last word it stops itself inside its first transaction
(SIGSTOP).
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from unittest import mock

import asyncpg

from contracts import events_pb2 as events
from contracts.topics import Topic
from gravity.bus import Record
from gravity.bus_engines import Engine, engine_of
from gravity.consumer import Subscription, consume
from gravity.postgres import open_pool

NAME = "sharers"
PARTITIONS = 4


def topic_named(name: str) -> Topic:
    """The topic that is shared."""
    return Topic(name, PARTITIONS, PARTITIONS, events.PersonErased)


def subscription(topic: Topic, worker: str, *, stops_inside: bool = False) -> Subscription:
    """Notes each record, and that `worker` handled it. Postgres waits 2 s for a paused one."""

    async def handle(conn: asyncpg.Connection, records: Sequence[Record]) -> None:
        await conn.execute(
            """insert into handled (worker, partition, record_offset, value)
               select $1, * from unnest($2::int[], $3::bigint[], $4::bytea[])""",
            worker,
            [record.partition for record in records],
            [record.offset for record in records],
            [record.value for record in records],
        )
        if stops_inside:
            os.kill(os.getpid(), signal.SIGSTOP)

    return Subscription(NAME, (topic,), handle, max_records=20, idle_s=2.0)


def sharing_by_groups() -> "mock._patch[object]":
    """The embedded broker, shared by its groups as a cluster's are: it has them, they are slow."""

    def grouped(bus_url: str) -> Engine:
        group = engine_of(bus_url.replace("tansu://", "kafka://")).group
        return replace(engine_of(bus_url), group=group)

    return mock.patch("gravity.consumer.engine_of", grouped)


async def _run(postgres_url: str, bus_url: str, topic: str, worker: str, *how: str) -> None:
    pool = await open_pool(postgres_url, 4)
    what = subscription(topic_named(topic), worker, stops_inside="stop-inside" in how)
    with sharing_by_groups() if "groups" in how else nullcontext():
        await consume(what, pool, bus_url, asyncio.Event())


if __name__ == "__main__":
    asyncio.run(_run(*sys.argv[1:]))
