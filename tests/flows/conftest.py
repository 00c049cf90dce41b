"""Real servers of every kind, and the workers that an activation waits for."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from contracts.topics import ALL
from features.live_releases import LiveReleases
from features.registry import download
from features.release import Release
from flows.promotion import LANE
from gravity.bus import create_topics
from gravity.kernel import Kernel, open_kernel
from gravity.outbox import relay
from gravity.postgres import migrate
from gravity.settings import Settings
from gravity.stack.servers import mlflow, prefect
from serving.registry import MLflowRegistry
from serving.releases import Releases, Surroundings
from tests.flows.servers import running
from tests.flows.worlds import utc_now


@pytest.fixture(scope="session")
def mlflow_url() -> Iterator[str]:
    """An MLflow server for the session."""
    with running(mlflow.NAME) as settings:
        yield settings["GRAVITY_MLFLOW_URL"]


@pytest.fixture(scope="session")
def prefect_api_url() -> Iterator[str]:
    """A Prefect server for the session."""
    with running(prefect.NAME) as settings:
        yield settings["GRAVITY_PREFECT_API_URL"]


@pytest.fixture
def home(settings: Settings, mlflow_url: str) -> Settings:
    """Settings of a test's own that also know MLflow."""
    return settings.model_copy(update={"mlflow_url": mlflow_url})


@pytest.fixture
async def kernel(home: Settings) -> AsyncIterator[Kernel]:
    """Connections to the test's own stores, tables made."""
    await create_topics(home.bus_url, ALL)
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
    tasks = [
        asyncio.create_task(work)
        for work in (
            stream.follow(stop),
            ranker.run(),
            relay(kernel.pool, kernel.producer, LANE, stop),
        )
    ]
    yield
    stop.set()
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
