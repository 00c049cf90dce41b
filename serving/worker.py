"""What one worker process does: holds releases, answers from them."""

import asyncio
import socket
import uuid
from collections.abc import Mapping
from typing import Self

import redis.asyncio as redis
from threadpoolctl import threadpool_limits

from contracts.ranking import RankRequest, RetrieveAnswer, RetrieveRequest
from features.whereabouts import store_of
from gravity import telemetry
from gravity.kernel import utc_now
from gravity.redis_client import cancellable
from gravity.settings import Settings
from serving import pipeline
from serving.claims import Claims
from serving.engines import Engine, engine_at
from serving.registry import MLflowRegistry
from serving.releases import Releases, Surroundings
from serving.store import Online


class Worker:
    """One process's connections and releases."""

    def __init__(self, online: Online, engine: Engine, releases: Releases) -> None:
        self._online = online
        self._engine = engine
        self._releases = releases
        self._following = asyncio.create_task(releases.run())

    @classmethod
    def start(cls, settings: Settings) -> Self:
        """Connect, and begin to follow the registry; inside a running event loop."""
        telemetry.configure("ranker", settings)
        # One core for one search: more threads cost more than they bring at these sizes.
        threadpool_limits(1, "blas")
        cache = cancellable(
            redis.Redis.from_url(settings.redis_url, socket_connect_timeout=2, socket_timeout=5)
        )
        online = Online(cache, store_of(settings, cache, timeout_s=5))
        # A ranking that comes later than the API waits for it is of no use.
        name = _unique_name()
        engine = engine_at(settings.index_url, settings.rank_budget_ms / 1000, Claims(cache, name))
        around = Surroundings(
            registry=MLflowRegistry(settings.mlflow_url, settings.home / "releases"),
            engine=engine,
            online=online,
            bus_url=settings.bus_url,
            clock=utc_now,
            worker=name,
        )
        return cls(online, engine, Releases(around))

    async def stop(self) -> None:
        """Report no longer ready, and let go."""
        self._following.cancel()
        await asyncio.wait([self._following])
        self._engine.close()
        if self._online.features is not self._online.redis:
            await self._online.features.aclose()
        await self._online.redis.aclose()

    def is_alive(self) -> bool:
        """Whether registry and changes are still followed, and others told so; if not, a restart is
        the remedy."""
        releases = self._releases
        return not self._following.done() and releases.are_followed() and releases.is_living()

    def is_ready(self) -> bool:
        """Whether it is known which release to serve, and it is loaded if there is one."""
        return self.is_alive() and self._releases.looked.is_set()

    async def rank(self, request: RankRequest, headers: Mapping[str, bytes]) -> bytes:
        """A `RankAnswer` of up to 200 candidates. `headers` carry the trace.

        Raises ReleaseNotLoaded.
        """
        with telemetry.span("rank", "server", telemetry.extract(headers)):
            loaded = self._releases.get(request.release)
            ranking = await pipeline.rank(self._online, loaded, request)
            with telemetry.stage("encode"):
                return ranking.encoded()

    async def retrieve_all(self, request: RetrieveRequest) -> RetrieveAnswer:
        """As many eligible people as the index finds. Raises ReleaseNotLoaded."""
        release = request.release
        loaded = self._releases.newest() if release is None else self._releases.get(release)
        ids = await pipeline.retrieve_all(self._online, loaded, request)
        return RetrieveAnswer(release=loaded.id, ids=ids)


def _unique_name() -> str:
    """Of this process among all rankers there are and were; it says on which machine it is."""
    return f"ranker-{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
