"""The kernel's own tables and topics."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest

from contracts import topics
from gravity.bus import Producer, create_topics
from gravity.postgres import migrate


@pytest.fixture
async def tables(pool: asyncpg.Pool) -> asyncpg.Pool:
    """A pool on a database with the kernel's tables, and one of effects for handlers."""
    await migrate(pool, "gravity")
    await pool.execute("create table effects (n bigserial, event_id text, value text)")
    return pool


@pytest.fixture
async def producer(bus_url: str) -> AsyncIterator[Producer]:
    """A producer on a broker that has every topic."""
    await create_topics(bus_url, topics.ALL)
    producer = Producer.open(bus_url)
    yield producer
    await producer.close()


@dataclass(frozen=True)
class Watcher:
    """A connection of the test's own, which survives when it cuts the others."""

    conn: asyncpg.Connection

    async def cut(self) -> None:
        """End every other connection to the database, as a restart of the server would."""
        await self.conn.execute(
            """select pg_terminate_backend(pid) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()"""
        )


@pytest.fixture
async def watcher(tables: asyncpg.Pool, database_url: str) -> AsyncIterator[Watcher]:
    """See Watcher."""
    conn = await asyncpg.connect(database_url)
    yield Watcher(conn)
    await conn.close()
