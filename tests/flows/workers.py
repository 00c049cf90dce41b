"""What the processes of consumers and ranker do about releases, in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from features.live_releases import LiveReleases
from features.registry import download
from features.release import Release
from features.whereabouts import features_of
from flows.promotion import LANE
from gravity.kernel import Kernel
from gravity.outbox import relay
from serving.engines import InProcess
from serving.registry import MLflowRegistry
from serving.releases import Releases, Surroundings
from serving.store import Online
from tests.flows.worlds import utc_now


@asynccontextmanager
async def working(kernel: Kernel, folder: Path) -> AsyncIterator[Releases]:
    """Stream, relay and a ranker that keeps its copies of releases in `folder`: the last one."""
    stop = asyncio.Event()
    settings = kernel.settings

    async def opened(release_id: str) -> Release:
        path = await download(settings.mlflow_url, release_id, Path(settings.home) / "releases")
        return Release.open(path)

    stream = LiveReleases(kernel.redis, opened, "stream-0")
    ranker = Releases(
        Surroundings(
            registry=MLflowRegistry(settings.mlflow_url, folder),
            online=Online(kernel.redis, features_of(kernel)),
            bus_url=settings.bus_url,
            clock=utc_now,
            worker="ranker-0",
            engine=InProcess(),
        )
    )
    tasks = [
        asyncio.create_task(work)
        for work in (
            stream.follow(stop),
            ranker.run(),
            relay(kernel.pool, kernel.producer, LANE, stop),
        )
    ]
    try:
        yield ranker
    finally:
        stop.set()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
