"""What the stateful test acts on: the API and the consumers of interactions, on real stores."""

import asyncio
from collections.abc import Collection
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg
from pydantic import SecretStr
from redis.asyncio import Redis

from contracts import topics
from gravity import issuer, outbox
from gravity.bus import Producer, create_topics
from gravity.card_tokens import CardTokens
from gravity.consumer import consume
from gravity.kernel import Kernel, utc_now
from gravity.postgres import migrate
from gravity.settings import Settings
from identity.erasure import LANE as ERASURES
from interactions.app import create_app, subscriptions
from interactions.matcher import LANE
from interactions.read_side_check import Difference, differences
from interactions.settling import Settling
from tests.infrastructure import Infra
from tests.interactions.worlds import NOW
from tests.signed_client import SignedClient, signed_client


@dataclass
class Services:
    """The API and the consumers of interactions on real stores, all in one event loop."""

    runner: asyncio.Runner
    now: datetime = NOW
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def open(self, infra: Infra, database: str) -> None:
        self.keys = issuer.new_keys()
        self.settings = Settings(
            postgres_url=database,
            redis_url=infra.redis_url,
            bus_url=infra.bus_url,
            card_token_key=SecretStr("k" * 32),
            jwt_public_key=self.keys.public,
        )
        await create_topics(infra.bus_url, topics.ALL)
        pool = await self.stack.enter_async_context(asyncpg.create_pool(database, min_size=1))
        redis = Redis.from_url(infra.redis_url)
        self.stack.push_async_callback(redis.aclose)
        await redis.flushall()
        for package in ("gravity", "interactions", "identity"):
            await migrate(pool, package)
        producer = Producer.open(infra.bus_url)
        self.stack.push_async_callback(producer.close)
        self.kernel = Kernel(self.settings, pool, redis, producer, lambda: self.now)
        self.tokens = CardTokens(b"k" * 32)
        self.api: SignedClient = await self.stack.enter_async_context(
            signed_client(create_app(self.kernel), self.keys, self.kernel.clock)
        )
        group, stop = await self.stack.enter_async_context(asyncio.TaskGroup()), asyncio.Event()
        self.stack.callback(stop.set)
        for subscription in subscriptions(self.kernel):
            group.create_task(consume(subscription, pool, infra.bus_url, stop))
        for lane in (LANE, ERASURES):
            group.create_task(outbox.relay(pool, producer, lane, stop))

    async def settled(self) -> None:
        """Everything that is under way has arrived."""
        await Settling(self.kernel.pool, self.settings.bus_url, utc_now, 60.0)()

    async def differences(self, people: Collection[int]) -> list[Difference]:
        # The log is the session's: other tests' pairs are in it, whose Redis is gone.
        found = await differences(self.kernel.pool, self.kernel.redis)
        return [each for each in found if each.person in people]
