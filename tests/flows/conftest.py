"""Real servers of every kind, and the workers that an activation waits for."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from features.live_releases import LiveReleases
from features.registry import download
from features.release import Release
from gravity.kernel import Kernel, open_kernel
from gravity.postgres import migrate
from gravity.settings import Settings
from serving.registry import MLflowRegistry
from serving.releases import Releases, Surroundings
from tests.flows.servers import Learning, running_learning
from tests.flows.worlds import utc_now


@pytest.fixture(scope="session")
def learning() -> Iterator[Learning]:
    """MLflow and Prefect for the session."""
    with running_learning() as servers:
        yield servers


@pytest.fixture
def home(settings: Settings, learning: Learning) -> Settings:
    """Settings of a test's own that also know MLflow and Prefect."""
    urls = {"mlflow_url": learning.mlflow_url, "prefect_api_url": learning.prefect_api_url}
    return settings.model_copy(update=urls)


@pytest.fixture
async def kernel(home: Settings) -> AsyncIterator[Kernel]:
    """Connections to the test's own stores, tables made."""
    async with open_kernel(home) as kernel:
        await migrate(kernel.pool, "gravity")
        yield kernel


@pytest.fixture
async def workers(kernel: Kernel) -> AsyncIterator[None]:
    """What the processes of consumers and ranker do about releases."""
    stop = asyncio.Event()
    settings = kernel.settings

    async def opened(release_id: str) -> Release:
        path = await download(settings.mlflow_url, release_id, Path(settings.home) / "releases")
        return Release.open(path)

    stream = LiveReleases(kernel.redis, opened, "stream-0")
    ranker = Releases(
        Surroundings(
            registry=MLflowRegistry(settings.mlflow_url, settings.home / "releases"),
            redis=kernel.redis,
            bus_url=settings.bus_url,
            clock=utc_now,
            worker="ranker-0",
        )
    )
    tasks = [asyncio.create_task(stream.follow(stop)), asyncio.create_task(ranker.run())]
    yield
    stop.set()
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
