"""Profiles on real stores, with a clock that stands still. Nothing here reaches the log."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from gravity import issuer
from gravity.bus import Producer
from gravity.kernel import Kernel
from gravity.postgres import migrate
from gravity.settings import Settings
from profiles.app import create_app
from tests.signed_client import SignedClient, signed_client

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def persons(pool: asyncpg.Pool) -> asyncpg.Pool:
    """The pool of a database with the tables of profiles."""
    for package in ("gravity", "profiles"):
        await migrate(pool, package)
    return pool


@pytest.fixture
async def kernel(
    persons: asyncpg.Pool, redis: Redis, keys: issuer.KeyPair
) -> AsyncIterator[Kernel]:
    """A kernel whose log does not answer: profiles writes to its outbox only."""
    producer = Producer.open("tansu://127.0.0.1:1", deadline_s=0.1)
    settings = Settings(
        postgres_url="",
        redis_url="",
        bus_url="",
        card_token_key=SecretStr("k" * 32),
        jwt_public_key=keys.public,
    )
    yield Kernel(settings, persons, redis, producer, lambda: NOW)
    await producer.close()


@pytest.fixture
def keys() -> issuer.KeyPair:
    return issuer.new_keys()


@pytest.fixture
async def api(kernel: Kernel, keys: issuer.KeyPair) -> AsyncIterator[SignedClient]:
    """A client of the profiles API."""
    async with signed_client(create_app(kernel), keys, kernel.clock) as client:
        yield client
