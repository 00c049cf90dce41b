"""Interactions on real stores, with a clock that stands still."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from itertools import count

import asyncpg
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from contracts import topics
from gravity import issuer
from gravity.bus import Producer, create_topics
from gravity.card_tokens import CardTokens
from gravity.kernel import Kernel
from gravity.postgres import migrate
from gravity.settings import Settings
from gravity.stack.servers import broker
from interactions.app import create_app
from tests.infrastructure import Infra
from tests.interactions.worlds import NOW
from tests.signed_client import SignedClient, signed_client


class Clock:
    """Tells the time that the test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def settings(infra: Infra, database_url: str, redis: Redis, keys: issuer.KeyPair) -> Settings:
    """Three swipes a day. The log is the session's: each test has people of its own there."""
    await asyncio.to_thread(infra.wait, broker.NAME)
    await create_topics(infra.bus_url, topics.ALL)
    return Settings(
        postgres_url=database_url,
        redis_url=infra.redis_url,
        bus_url=infra.bus_url,
        card_token_key=SecretStr("k" * 32),
        jwt_public_key=keys.public,
        daily_swipes=(3, 5, 7),
        daily_superlikes=(1, 2, 3),
    )


@pytest.fixture
async def pairs(pool: asyncpg.Pool) -> asyncpg.Pool:
    """The pool of a database with the tables of interactions."""
    for package in ("gravity", "interactions"):
        await migrate(pool, package)
    return pool


@pytest.fixture
def keys() -> issuer.KeyPair:
    return issuer.new_keys()


@pytest.fixture
async def kernel(
    settings: Settings, pairs: asyncpg.Pool, redis: Redis, clock: Clock
) -> AsyncIterator[Kernel]:
    producer = Producer.open(settings.bus_url)
    try:
        yield Kernel(settings, pairs, redis, producer, clock)
    finally:
        await producer.close()


@pytest.fixture
def tokens(kernel: Kernel) -> CardTokens:
    return CardTokens(kernel.settings.card_token_key.get_secret_value().encode())


@pytest.fixture
async def api(kernel: Kernel, clock: Clock, keys: issuer.KeyPair) -> AsyncIterator[SignedClient]:
    """A client of the interactions API."""
    async with signed_client(create_app(kernel), keys, clock) as client:
        yield client


_people = count(1_000_000, 1000)


@pytest.fixture
def me() -> int:
    """A viewer whom no other test uses; the numbers after it are free too."""
    return next(_people)
