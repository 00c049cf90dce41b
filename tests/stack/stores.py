"""What tests put into the real stores and expect to find again."""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

import asyncpg
from confluent_kafka import Consumer, Producer, TopicPartition
from redis.asyncio import Redis

from gravity.stack import infra, stack
from gravity.stack.home import Home

TOPIC = "kept"


def composition() -> stack.Composition:
    """The stores alone."""
    return stack.Composition(
        infra.port_names(infra.STORES),
        lambda place: infra.programs(place, infra.STORES, {}),
        lambda place: infra.settings(place, infra.STORES),
    )


def start(folder: Path) -> stack.Stack:
    """Start the stores and return when all are ready."""
    running = stack.start(Home.at(folder), composition(), {})
    running.wait(timeout_s=60)
    return running


def _bus(settings: dict[str, str]) -> str:
    return settings["GRAVITY_BUS_URL"].removeprefix("tansu://")


def append(settings: dict[str, str], value: str) -> None:
    """Append an acknowledged record."""
    producer = Producer({"bootstrap.servers": _bus(settings), "acks": "all"})
    producer.produce(TOPIC, value.encode(), partition=0)
    assert producer.flush(20) == 0


def records(settings: dict[str, str], count: int) -> list[str]:
    """Read the first `count` records of the log."""
    options = {"bootstrap.servers": _bus(settings), "group.id": "tests", "fetch.wait.max.ms": 500}
    consumer = Consumer(options)
    consumer.assign([TopicPartition(TOPIC, 0, 0)])
    found = consumer.consume(count, 20)
    consumer.close()
    return [(record.value() or b"").decode() for record in found]


async def _put(settings: dict[str, str], value: str) -> None:
    connection = await asyncpg.connect(settings["GRAVITY_POSTGRES_URL"])
    await connection.execute("create table if not exists kept (value text)")
    await connection.execute("insert into kept values ($1)", value)
    await connection.close()
    client = Redis.from_url(settings["GRAVITY_REDIS_URL"], decode_responses=True)
    await client.xadd("kept", {"value": value})
    await client.aclose()


async def _found(settings: dict[str, str]) -> dict[str, list[str]]:
    connection = await asyncpg.connect(settings["GRAVITY_POSTGRES_URL"])
    rows = await connection.fetch("select value from kept")
    await connection.close()
    client = Redis.from_url(settings["GRAVITY_REDIS_URL"], decode_responses=True)
    in_redis = await client.xrange("kept")
    await client.aclose()
    return {
        "postgres": [row["value"] for row in rows],
        "redis": [entry["value"] for _, entry in in_redis],
    }


def put(settings: dict[str, str], value: str) -> None:
    """Write a value into PostgreSQL, Redis and the log."""
    asyncio.run(_put(settings, value))
    append(settings, value)


def found(settings: dict[str, str], count: int) -> dict[str, list[str]]:
    """Return the values that each store holds."""
    return {**asyncio.run(_found(settings)), "log": records(settings, count)}


def main() -> None:
    """Run the stores once in a temporary folder and print what came back: the whole life of one."""
    with tempfile.TemporaryDirectory(prefix="gravity-once-") as folder:
        running = start(Path(folder))
        try:
            put(running.settings(), "one")
            sys.stdout.write(json.dumps(found(running.settings(), 1)))
        finally:
            running.stop()


if __name__ == "__main__":
    main()
