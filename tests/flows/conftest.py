"""Real servers of every kind, and the workers that an activation waits for."""

from collections.abc import AsyncIterator, Iterator

import pytest

from contracts.topics import ALL
from features.mlflow_rest import MLflow, open_mlflow
from features.registry import aliases_in
from features.whereabouts import features_of
from flows.learning import Draft
from gravity.bus import create_topics
from gravity.kernel import Kernel, open_kernel
from gravity.postgres import migrate
from gravity.settings import Settings
from gravity.stack.servers import mlflow as mlflow_server
from gravity.stack.servers import prefect
from tests.flows.drafts import drafted
from tests.flows.servers import running
from tests.flows.workers import working
from tests.flows.worlds import Market, import_market, market, utc_now


@pytest.fixture(scope="session")
def mlflow_url() -> Iterator[str]:
    """An MLflow server for the session."""
    with running(mlflow_server.NAME) as settings:
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
    async with working(kernel, kernel.settings.home / "releases"):
        yield


@pytest.fixture(scope="session")
def world() -> Market:
    """The market of the session."""
    return market(utc_now())


@pytest.fixture(scope="session")
def draft(world: Market, tmp_path_factory: pytest.TempPathFactory) -> Draft:
    """A release of it, not registered."""
    return drafted(world, utc_now(), tmp_path_factory.mktemp("draft") / "release")


@pytest.fixture
async def mlflow(kernel: Kernel, world: Market) -> AsyncIterator[MLflow]:
    """The registry, and the market imported."""
    await import_market(kernel.settings.lake, kernel.redis, features_of(kernel), world)
    async with open_mlflow(kernel.settings.mlflow_url) as mlflow:
        # The registry is the session's: every test begins without aliases.
        for alias in await aliases_in(mlflow):
            await mlflow.http.request(
                "DELETE",
                "/api/2.0/mlflow/registered-models/alias",
                json={"name": "deck", "alias": alias},
            )
        yield mlflow
