"""The releases that the stream keeps current: those in `releases:live`, held side by side."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

from redis.asyncio import Redis

from features.release import Release
from features.wire import run

log = logging.getLogger(__name__)
LIVE_KEY: Final = "releases:live"
_POLL_S: Final = 0.5

OpenRelease = Callable[[str], Awaitable[Release]]
"""Fetches a release by its id and opens it."""


def ready_key(release_id: str) -> str:
    """The Redis set of the workers that hold a release."""
    return f"release:{release_id}:ready"


class LiveReleases:
    """Follows `releases:live` and says in `release:ID:ready` which releases are held.

    A release is added between two batches of the stream, never within one: from the moment it is
    reported ready, every swipe that is applied is applied under it too.
    """

    def __init__(self, redis: Redis, open_release: OpenRelease, worker: str) -> None:
        self._redis = redis
        self._open = open_release
        self._worker = worker
        self._held: dict[str, Release] = {}
        self._changing = asyncio.Lock()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[Mapping[str, Release]]:
        """The releases by id; they do not change while the block runs."""
        async with self._changing:
            yield self._held

    async def refresh(self) -> None:
        """Open what has become live, drop what no longer is, and report."""
        live = {name.decode() for name in await run(self._redis.smembers(LIVE_KEY))}
        for release_id in sorted(live - self._held.keys()):
            release = await self._open(release_id)
            async with self._changing:
                self._held = {**self._held, release_id: release}
            log.info("release followed", extra={"release": release_id})
        for release_id in self._held.keys() - live:
            async with self._changing:
                self._held = {name: r for name, r in self._held.items() if name != release_id}
            await run(self._redis.srem(ready_key(release_id), self._worker))
        for release_id in self._held:
            # Each time: Redis may have been restored, or the set deleted by hand.
            await run(self._redis.sadd(ready_key(release_id), self._worker))

    async def follow(self, stop: asyncio.Event) -> None:
        """Refresh until `stop`; a release that does not open is tried again."""
        while not stop.is_set():
            try:
                await self.refresh()
            except Exception:
                log.warning("live releases not refreshed", exc_info=True)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _POLL_S)
