"""Which workers hold which collections: what nobody holds is deleted, and nothing else is.

Kept in Redis, which the workers of one stack share and others don't, so a stack deletes only what
it made itself, whoever else uses the same Milvus.
"""

import contextlib
from collections.abc import Awaitable, Callable, Collection
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.exceptions import LockError
from redis.exceptions import TimeoutError as RedisTimeout

from features.live_releases import alive_key
from features.wire import run

_MADE_KEY: Final = "index:{collections}:made"
"""A hash: of which release each collection is."""
_CLAIMS_KEY: Final = "index:{collections}:claimed"
"""A set of `collection worker`; each holds while its worker lives (`alive_key`)."""
LOCK_KEY: Final = "index:{collections}:lock"
_LOCK_S: Final = 30.0
"""Longer than it takes to delete a collection."""
_AFTER_FAILURE_S: Final = 5.0
"""A deletion that was not answered may still go on so long."""


class Claims:
    """What this worker holds, and what nobody does. All methods raise Redis's errors.

    To be used while the worker says that it lives (`serving.living`): else it holds nothing.
    """

    def __init__(self, redis: Redis, worker: str) -> None:
        self._redis = redis
        self.worker = worker

    async def take(self, name: str, release_id: str) -> None:
        """Hold a collection from now on, and before it is looked for: it may be in the middle of
        being deleted, and is not there then when this returns."""
        lock = self._lock()
        if not await lock.acquire(blocking_timeout=2 * _LOCK_S):
            raise RedisTimeout(f"{LOCK_KEY} is taken")
        async with self._redis.pipeline() as pipe:
            pipe.hset(_MADE_KEY, name, release_id)
            pipe.sadd(_CLAIMS_KEY, self._claim(name))
            await pipe.execute()
        await lock.release()

    async def renew(self, names: Collection[str], coming: Collection[str]) -> list[str]:
        """Go on to hold these collections, and no others; returns those that nobody holds.

        Those of the releases that are `coming` are left as they are: this worker is about to open
        them.
        """
        async with self._redis.pipeline() as pipe:
            if names:
                # Again each time: Redis may have lost it, or this worker seemed dead for a while.
                pipe.sadd(_CLAIMS_KEY, *map(self._claim, names))
            pipe.hgetall(_MADE_KEY)
            *_, made = await pipe.execute()
        left = {
            name.decode()
            for name, release in made.items()
            if name.decode() not in names and release.decode() not in coming
        }
        if left:
            await run(self._redis.srem(_CLAIMS_KEY, *map(self._claim, left)))
        return sorted(left - (await self._holders()).keys())

    async def others(self, name: str) -> set[str]:
        """The other living workers that hold this collection, or are about to make it."""
        return (await self._holders()).get(name, set()) - {self.worker}

    async def forget(self, name: str, delete: Callable[[], Awaitable[None]]) -> None:
        """Delete a collection unless somebody holds it after all; nobody begins to meanwhile.

        Nothing happens while something else is deleted or taken. Raises what `delete` does.
        """
        lock = self._lock()
        if not await lock.acquire(blocking=False):
            return
        if name not in await self._holders():
            try:
                await delete()
            except Exception:
                with contextlib.suppress(LockError):
                    await lock.extend(_AFTER_FAILURE_S, replace_ttl=True)
                raise
            await run(self._redis.hdel(_MADE_KEY, name))
        # Not in a `finally`: what was cut off may go on. Then the lock expires.
        await lock.release()

    def _claim(self, name: str) -> str:
        return f"{name} {self.worker}"

    async def _holders(self) -> dict[str, set[str]]:
        """The living workers of each collection that is held; claims of the dead are removed."""
        claims = [claim.decode() for claim in await run(self._redis.smembers(_CLAIMS_KEY))]
        workers = sorted({_worker_of(claim) for claim in claims} - {self.worker})
        said = await run(self._redis.mget(map(alive_key, workers))) if workers else []
        dead = {worker for worker, alive in zip(workers, said, strict=True) if alive is None}
        holders: dict[str, set[str]] = {}
        void = []
        for claim in claims:
            if _worker_of(claim) in dead:
                void.append(claim)
            else:
                holders.setdefault(claim.partition(" ")[0], set()).add(_worker_of(claim))
        if void:
            await run(self._redis.srem(_CLAIMS_KEY, *void))
        return holders

    def _lock(self) -> Lock:
        return self._redis.lock(LOCK_KEY, timeout=_LOCK_S)


def _worker_of(claim: str) -> str:
    return claim.partition(" ")[2]
