"""A ranker says that it lives from before it claims anything until it has let go of everything."""

import asyncio
from collections.abc import Collection
from pathlib import Path

import numpy as np
from redis.asyncio import Redis
from redis.exceptions import RedisError

from contracts.topics import ALL
from features.live_releases import alive_key
from gravity.bus import create_topics
from gravity.settings import Settings
from serving.engines import InProcess
from serving.releases import Releases, Surroundings
from serving.store import Online
from tests.serving.in_milvus import a_name, crowd_of
from tests.serving.test_milvus import Folder
from tests.serving.worlds import NOW, write_world


class SlowToForget(InProcess):
    """Its deletions take longer than the lock."""

    def __init__(self, redis: Redis, worker: str) -> None:
        self._redis = redis
        self._worker = worker
        self.lived: list[int] = []

    async def keep(self, releases: Collection[str]) -> None:
        self.lived.append(await self._redis.exists(alive_key(self._worker)))
        raise RedisError("the lock expired")


async def test_a_ranker_lives_before_it_claims_and_loads_though_a_lock_expired(
    settings: Settings, redis: Redis, tmp_path: Path
) -> None:
    await create_topics(settings.bus_url, ALL)
    write_world(tmp_path / "71", crowd_of(50), np.random.default_rng(1))
    worker = a_name()
    engine = SlowToForget(redis, worker)
    registry = Folder(tmp_path, {"champion": "71"})
    online = Online(redis, redis)
    releases = Releases(
        Surroundings(registry, engine, online, settings.bus_url, lambda: NOW, worker)
    )
    running = asyncio.create_task(releases.run())
    await releases.looked.wait()
    assert releases.loaded() == ["71"]
    assert set(engine.lived) == {1}

    (living,) = (task for task in asyncio.all_tasks() if task.get_name() == "living")
    assert releases.is_living()
    living.cancel()
    await asyncio.wait([living])
    assert not releases.is_living()

    running.cancel()
    await asyncio.wait([running])
    assert not await redis.exists(alive_key(worker))
