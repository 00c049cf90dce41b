"""A disk without room: commits fail, nothing acknowledged is lost, and with room all goes on."""

import asyncio
import contextlib
import subprocess
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from prometheus_client import REGISTRY

from contracts import events_pb2 as events
from gravity.bus import Message, Producer, create_topics
from gravity.consumer import consume
from gravity.postgres import migrate, open_pool
from tests.gravity.sharer import NAME, subscription, topic_named
from tests.infrastructure import running_infra

# Room for PostgreSQL's empty data and binaries, and some records.
_SIZE = "320m"


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small disk of its own, where temporary folders go."""
    # Where the server's own user may reach it.
    where = Path(tempfile.mkdtemp(prefix="gravity-disk-"))
    options = f"size={_SIZE},mode=0755"
    try:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(where)],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("this machine has no mount")
    if mounted.returncode:
        where.rmdir()
        pytest.skip(f"a disk of its own cannot be mounted: {mounted.stderr.strip()}")
    where.parent.joinpath(where.name).chmod(0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(where))
    try:
        yield where
    finally:
        subprocess.run(["umount", "--lazy", str(where)], check=True)
        where.rmdir()


@pytest.fixture
async def full_pool(disk: Path) -> AsyncIterator[asyncpg.Pool]:
    """A pool on a PostgreSQL server whose data is on the small disk."""
    with running_infra(("postgres",)) as servers:
        await asyncio.to_thread(servers.wait, "postgres")
        pool = await open_pool(servers.postgres_url, 4)
        await migrate(pool, "gravity")
        await pool.execute(
            "create table handled (worker text, partition int, record_offset bigint, value bytea)"
        )
        yield pool
        await pool.close()


def fill(disk: Path) -> Path:
    """Take all that is left of the disk."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"\0" * 65536):
            pass
    return ballast


def value(n: int) -> bytes:
    # Ids that do not compress: a thousand records need more than the log's current segment has.
    noise = "".join(uuid.uuid5(uuid.NAMESPACE_OID, f"{n} {m}").hex for m in range(250))
    return events.PersonErased(event_id=noise, person=n + 1).SerializeToString()


def disk_errors() -> float:
    """Batches that were given up for what a full disk does to the server: an error, or its end."""
    return sum(
        sample.value
        for metric in REGISTRY.collect()
        if metric.name == "bus_consumer_errors"
        for sample in metric.samples
        if sample.name.endswith("_total")
        and sample.labels["consumer"] == NAME
        and sample.labels["error"] in ("DiskFullError", "ConnectionDoesNotExistError")
    )


async def test_records_wait_for_a_database_without_room(
    full_pool: asyncpg.Pool, disk: Path, bus_url: str
) -> None:
    topic = topic_named(f"tests.disk.{uuid.uuid4().hex[:8]}")
    await create_topics(bus_url, [topic])
    producer = Producer.open(bus_url)
    stop = asyncio.Event()
    running = asyncio.create_task(consume(subscription(topic, "only"), full_pool, bus_url, stop))

    async def append(numbers: range) -> None:
        await producer.append_many([Message(topic.name, b"%d" % n, value(n)) for n in numbers])

    async def handled() -> int:
        with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            count: int = await full_pool.fetchval("select count(*) from handled")
            return count
        return 0

    await append(range(100))
    while await handled() < 100:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    ballast, before, appended = fill(disk), disk_errors(), 100
    # However much of the log's segment was left: in the end there is no room.
    while disk_errors() == before and appended < 20_000:
        await append(range(appended, appended + 100))
        appended += 100
    assert disk_errors() > before
    assert await handled() < appended
    ballast.unlink()
    while await handled() < appended:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    rows = await full_pool.fetch("select partition, record_offset, value from handled")
    stop.set()
    await running
    await producer.close()
    assert len({(row["partition"], row["record_offset"]) for row in rows}) == len(rows)
    assert {bytes(row["value"]) for row in rows} == {value(n) for n in range(appended)}
