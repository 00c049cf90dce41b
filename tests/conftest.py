"""Fixtures that give tests the real servers. A test that asks for none starts none."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from gravity.settings import Settings
from tests.features.clusters import Node, running_cluster
from tests.infrastructure import Bus, Infra, fresh_broker, running_infra

_databases = count(1)
_buckets = count(1)


_LOOP = "tests/loop/"


class Together(LoadFileScheduling):  # type: ignore[misc]  # it has no types
    """Shares tests between processes by file; the loop's files go together, as they share a stack
    that takes minutes to start."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return _LOOP if file.startswith(_LOOP) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    return Together(config, log)


@pytest.fixture(scope="session")
def infra() -> Iterator[Infra]:
    """PostgreSQL, Redis, S3 and a broker for the session; the other fixtures wait for them."""
    with running_infra() as servers:
        yield servers


@pytest.fixture(scope="session")
def mlflow_url() -> Iterator[str]:
    """An MLflow server for the session. It takes 10 s to start: ask for it only if you need it."""
    with running_infra(("mlflow",)) as servers:
        servers.wait("mlflow")
        yield servers.place.url("mlflow")


@pytest.fixture(scope="session")
def prefect_api_url() -> Iterator[str]:
    """A Prefect server for the session. It takes 15 s to start: ask for it only if you need it."""
    with running_infra(("prefect",)) as servers:
        servers.wait("prefect")
        yield f"{servers.place.url('prefect')}/api"


@pytest.fixture(scope="session")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Node]]:
    """Three nodes of a Redis Cluster for the session; `cluster_url` empties them."""
    with running_cluster(tmp_path_factory.mktemp("cluster")) as nodes:
        yield nodes


@pytest.fixture
def cluster_url(nodes: list[Node]) -> str:
    """The URL of an empty Redis Cluster."""
    for node in nodes:
        node.client.flushall()
    return f"redis+cluster://127.0.0.1:{nodes[0].port},127.0.0.1:{nodes[1].port}"


@pytest.fixture
async def database_url(infra: Infra) -> AsyncIterator[str]:
    """The URL of an empty database of the test's own."""
    await asyncio.to_thread(infra.wait, "postgres")
    name = f"test_{next(_databases)}"
    admin = await asyncpg.connect(infra.postgres_url)
    try:
        await admin.execute(f"create database {name}")
        yield infra.postgres_url.rpartition("/")[0] + f"/{name}"
        await admin.execute(f"drop database {name} with (force)")
    finally:
        await admin.close()


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool on the test's own database; no migration has run."""
    async with asyncpg.create_pool(database_url, min_size=1, max_size=10) as pool:
        yield pool


@pytest.fixture
async def redis(infra: Infra) -> AsyncIterator[Redis]:
    """A client of an empty Redis; answers are bytes."""
    await asyncio.to_thread(infra.wait, "redis")
    client = Redis.from_url(infra.redis_url)
    await client.flushall()
    try:
        yield client
    finally:
        await client.aclose()


@pytest.fixture
def bus(infra: Infra) -> Iterator[Bus]:
    """A broker with an empty log of the test's own."""
    with fresh_broker(infra, f"test-{next(_buckets)}") as broker:
        yield broker


@pytest.fixture
def bus_url(bus: Bus) -> str:
    """The URL of a broker with an empty log of the test's own."""
    return bus.url


@pytest.fixture
def settings(infra: Infra, database_url: str, redis: Redis, bus: Bus, tmp_path: Path) -> Settings:
    """Settings that point at the test's own database, log and folder, and at the emptied Redis."""
    return Settings(
        home=tmp_path,
        postgres_url=database_url,
        redis_url=infra.redis_url,
        bus_url=bus.url,
        bus_bucket=bus.bucket,
        s3_url=infra.s3_url,
        s3_access_key=SecretStr(infra.s3_access_key),
        s3_secret_key=SecretStr(infra.s3_secret_key),
        card_token_key=SecretStr(infra.place.keys.card_token_key),
        jwt_public_key=infra.place.keys.jwt_public_key,
    )
