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
NEXT_KEY: Final = "release:next"
"""The release that rankers are to hold beside the one that they serve: a promotion is under way."""

_POLL_S: Final = 0.5
_RETRY_S: Final = 5.0

OpenRelease = Callable[[str], Awaitable[Release]]
"""Fetches a release by its id and opens it."""


class LiveReleasesUnknown(Exception):
    """The process stopped before it could learn which releases are live."""


def ready_key(release_id: str) -> str:
    """The Redis set of the workers that hold a release, rankers that died meanwhile among them."""
    return f"release:{release_id}:ready"


def alive_key(ranker: str) -> str:
    """There as long as a ranker's process lives, and for some seconds more."""
    return f"ranker:{ranker}:alive"


def refused_key(release_id: str) -> str:
    """The Redis hash of the workers that cannot hold a release, and why; gone after a while."""
    return f"release:{release_id}:refused"


def current_key(release_id: str) -> str:
    """Set once everybody's factors of a live release are current; the stream keeps them so."""
    return f"release:{release_id}:current"


class LiveReleases:
    """Follows `releases:live` and says in `release:ID:ready` which releases are held.

    Nothing is applied before each live release was tried once. A release is added between two
    batches of the stream, never within one: from the moment it is reported ready, every swipe that
    is applied is applied under it too. The stream goes on without one that does not open, which is
    then neither ready nor current, and is tried again every `retry_s` seconds.
    """

    def __init__(
        self, redis: Redis, open_release: OpenRelease, worker: str, retry_s: float = _RETRY_S
    ) -> None:
        self._redis = redis
        self._open = open_release
        self._worker = worker
        self._retry_s = retry_s
        self._held: dict[str, Release] = {}
        # Those that did not open, and when to try again.
        self._missed: dict[str, float] = {}
        self._changing = asyncio.Lock()
        self._complete = False
        self._settled = asyncio.Event()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[Mapping[str, Release]]:
        """The releases by id; they do not change while the block runs.

        Waits for the first complete `refresh`: a swipe that is applied before it would never reach
        the tastes. Raises LiveReleasesUnknown if `follow` ends without one.
        """
        await self._settled.wait()
        if not self._complete:
            raise LiveReleasesUnknown
        async with self._changing:
            yield self._held

    async def refresh(self) -> None:
        """Open what has become live, drop what no longer is, and report. Raises Redis's errors."""
        live = {name.decode() for name in await run(self._redis.smembers(LIVE_KEY))}
        now = asyncio.get_running_loop().time()
        for release_id in sorted(live - self._held.keys()):
            if self._missed.get(release_id, now) <= now:
                await self._add(release_id)
        self._missed = {name: at for name, at in self._missed.items() if name in live}
        for release_id in self._held.keys() - live:
            async with self._changing:
                self._held = {name: r for name, r in self._held.items() if name != release_id}
            await run(self._redis.srem(ready_key(release_id), self._worker))
        for release_id in self._held:
            # Each time: Redis may have been restored, or the set deleted by hand.
            await run(self._redis.sadd(ready_key(release_id), self._worker))
        self._complete = True
        self._settled.set()

    async def follow(self, stop: asyncio.Event) -> None:
        """Refresh until `stop`; a release that does not open is tried again."""
        while not stop.is_set():
            try:
                await self.refresh()
            except Exception:
                log.warning("live releases not refreshed", exc_info=True)
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL_S):
                    await stop.wait()
        # Whoever waits still must not keep the process from ending.
        self._settled.set()

    async def _add(self, release_id: str) -> None:
        """Open and hold a release, or note that the stream goes on without it."""
        try:
            release = await self._open(release_id)
        except Exception:
            log.warning("release not opened", extra={"release": release_id}, exc_info=True)
            await self._outdated(release_id)
            # A process of this name that died may have left its report.
            await run(self._redis.srem(ready_key(release_id), self._worker))
            self._missed[release_id] = asyncio.get_running_loop().time() + self._retry_s
            return
        if release_id in self._missed:
            # Again, for whoever replayed it meanwhile: what was applied until now is not in it.
            await self._outdated(release_id)
        async with self._changing:
            self._held = {**self._held, release_id: release}
        self._missed.pop(release_id, None)
        log.info("release followed", extra={"release": release_id})

    async def _outdated(self, release_id: str) -> None:
        """A promotion of it, or a rollback to it, has to replay."""
        await self._redis.delete(current_key(release_id))
