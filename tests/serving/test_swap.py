"""A swap with a real ranker whose worker dies in between: what it was ready for, it holds again."""

import asyncio

import httpx
import numpy as np
import psutil
import pytest
from redis.asyncio import Redis

from contracts.ranking import Ranking
from contracts.topics import ALL
from features.wire import run
from gravity.bus import create_topics
from gravity.settings import Settings
from tests.serving.ranker_process import running_ranker
from tests.serving.test_pipeline import request_of
from tests.serving.test_service import publish, until
from tests.serving.worlds import World, world


@pytest.fixture
def people() -> World:
    return world(np.random.default_rng(1), 300, spread_km=5.0)


async def test_a_worker_that_dies_between_ready_and_swap_serves_the_new_release_when_it_is_back(
    settings: Settings, redis: Redis, people: World
) -> None:
    await create_topics(settings.bus_url, ALL)
    publish(settings.home, people, "7")
    publish(settings.home, people, "8")
    await redis.set("release:serving", "7")
    away = settings.model_copy(update={"mlflow_url": "http://127.0.0.1:9"})
    with running_ranker(away) as ranker:
        await asyncio.to_thread(ranker.wait)
        async with httpx.AsyncClient(base_url=ranker.url, timeout=5) as http:
            assert await answered_by(http, people, "7") == "7"
            await redis.set("release:next", "8")
            await until(lambda: is_ready(redis, "8"))
            assert await answered_by(http, people, "8") == "8"
            first = await ready(redis, "8")
            for worker in psutil.Process(ranker.process.pid).children(recursive=True):
                worker.kill()
            # Redis still says that it is ready: nobody can know better in time.
            assert await ready(redis, "8") == first
            await redis.mset({"release:serving": "8", "release:next": "8"})

            async def serves() -> bool:
                return await answered_by(http, people, "8") == "8"

            await until(serves, 60.0)
            # By another name: one that is waited for must not be taken for one that died.
            assert len(await ready(redis, "8") - first) == 1


async def is_ready(redis: Redis, release: str) -> bool:
    return bool(await ready(redis, release))


async def ready(redis: Redis, release: str) -> set[bytes]:
    return await run(redis.smembers(f"release:{release}:ready"))


async def answered_by(http: httpx.AsyncClient, people: World, release: str) -> str | None:
    """The release of the answer to a request that is bound to `release`; None without an answer."""
    body = request_of(people, 3).model_copy(update={"release": release}).model_dump(mode="json")
    try:
        response = await http.post("/rank", json=body)
    except httpx.TransportError:
        return None
    if response.status_code != 200:
        return None
    return Ranking.decoded(response.content).release
