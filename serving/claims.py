"""Which workers hold which collections: what nobody holds is deleted, and nothing else is.

Kept in Redis, which the workers of one stack share and others don't, so a stack deletes only what
it made itself, whoever else uses the same Milvus.
"""

import time
from collections.abc import Awaitable, Callable, Collection
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.exceptions import TimeoutError as RedisTimeout

from features.wire import run

_MADE_KEY: Final = "index:{collections}:made"
"""A hash: of which release each collection is."""
CLAIMS_KEY: Final = "index:{collections}:claims"
"""A sorted set of `collection worker`, by when that worker last said so (epoch seconds)."""
_LOCK_KEY: Final = "index:{collections}:lock"
_LOCK_S: Final = 30.0
"""Longer than it takes to delete a collection."""
LEASE_S: Final = 3600.0
"""Longer than a worker is busy with opening a release. What one held that was killed stays so long,
unless another holds it."""


class Claims:
    """What this worker holds, and what nobody does. All methods raise Redis's errors."""

    def __init__(self, redis: Redis, worker: str) -> None:
        self._redis = redis
        self.worker = worker

    async def take(self, name: str, release_id: str) -> None:
        """Hold a collection from now on, and before it is looked for: it may be in the middle of
        being deleted, and is not there then when this returns."""
        lock = self._lock()
        if not await lock.acquire(blocking_timeout=2 * _LOCK_S):
            raise RedisTimeout(f"{_LOCK_KEY} is taken")
        async with self._redis.pipeline() as pipe:
            pipe.hset(_MADE_KEY, name, release_id)
            pipe.zadd(CLAIMS_KEY, {self._claim(name): time.time()})
            await pipe.execute()
        await lock.release()

    async def renew(self, names: Collection[str], coming: Collection[str]) -> list[str]:
        """Go on to hold these collections, and no others; returns those that nobody holds.

        Those of the releases that are `coming` are left as they are: this worker is about to open
        them.
        """
        now = time.time()
        async with self._redis.pipeline() as pipe:
            if names:
                pipe.zadd(CLAIMS_KEY, dict.fromkeys(map(self._claim, names), now))
            pipe.zremrangebyscore(CLAIMS_KEY, "-inf", now - LEASE_S)
            pipe.hgetall(_MADE_KEY)
            *_, made = await pipe.execute()
        left = {
            name.decode()
            for name, release in made.items()
            if name.decode() not in names and release.decode() not in coming
        }
        if left:
            await self._redis.zrem(CLAIMS_KEY, *map(self._claim, left))
        return sorted(left - await self._held())

    async def forget(self, name: str, delete: Callable[[], Awaitable[None]]) -> None:
        """Delete a collection unless somebody holds it after all; nobody begins to meanwhile.

        Nothing happens while something else is deleted or taken. Raises what `delete` does.
        """
        lock = self._lock()
        if not await lock.acquire(blocking=False):
            return
        if name not in await self._held():
            await delete()
            await run(self._redis.hdel(_MADE_KEY, name))
        # Not in a `finally`: what was cut off may go on. Then the lock expires.
        await lock.release()

    def _claim(self, name: str) -> str:
        return f"{name} {self.worker}"

    async def _held(self) -> set[str]:
        claims = await self._redis.zrange(CLAIMS_KEY, 0, -1)
        return {claim.decode().partition(" ")[0] for claim in claims}

    def _lock(self) -> Lock:
        return self._redis.lock(_LOCK_KEY, timeout=_LOCK_S)
