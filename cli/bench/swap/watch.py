"""What happens meanwhile: when Redis names which release, and how much memory the ranker takes."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import psutil
from redis.asyncio import Redis

from features.live_releases import NEXT_KEY
from flows.activation import SERVING_KEY

_LOOK_S: Final = 0.01
_WEIGH_S: Final = 0.1


@dataclass(slots=True)
class Watched:
    """Seconds since 1970 at which `release:next` and `release:serving` changed, each with what they
    named from then on; and what the ranker's processes held together, in bytes."""

    told: list[tuple[float, str]] = field(default_factory=list)
    served: list[tuple[float, str]] = field(default_factory=list)
    rss: list[tuple[float, int]] = field(default_factory=list)

    def swap(self, release: str, since: float) -> tuple[float, float]:
        """When the rankers were told to hold a release, and when all requests were bound to it: the
        first time after `since`."""
        told, served = (
            min(at for at, named in seen if at >= since and named == release)
            for seen in (self.told, self.served)
        )
        return told, served


@asynccontextmanager
async def watching(redis: Redis, pids: Mapping[str, int]) -> AsyncIterator[Watched]:
    """Watch while the block runs."""
    watched = Watched()
    tasks = [
        asyncio.create_task(_keys(redis, watched)),
        asyncio.create_task(_memory(psutil.Process(pids["ranker"]), watched)),
    ]
    try:
        yield watched
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _keys(redis: Redis, watched: Watched) -> None:
    named: list[bytes | None] = [None, None]
    while True:
        now = await redis.mget(NEXT_KEY, SERVING_KEY)
        at = time.time()
        for seen, old, new in zip((watched.told, watched.served), named, now, strict=True):
            if new is not None and new != old:
                seen.append((at, new.decode()))
        named = now
        await asyncio.sleep(_LOOK_S)


async def _memory(ranker: psutil.Process, watched: Watched) -> None:
    while True:
        held = 0
        with suppress(psutil.NoSuchProcess):
            for process in (ranker, *ranker.children(recursive=True)):
                held += process.memory_info().rss
        watched.rss.append((time.time(), held))
        await asyncio.sleep(_WEIGH_S)
