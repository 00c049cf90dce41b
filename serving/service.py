"""The BentoML service: one worker, ids in, ranked ids out.

    bentoml serve serving.service:Ranker

It starts with or without a release; a release that it does not hold is a 404 problem.
"""

import asyncio
import contextlib
from typing import Any

import bentoml
import redis.asyncio as redis
from starlette.responses import Response
from threadpoolctl import threadpool_limits

from contracts.ranking import RankAnswer, RankRequest, RetrieveAnswer, RetrieveRequest
from gravity import telemetry
from gravity.kernel import utc_now
from gravity.problems import Problem, render
from gravity.settings import Settings
from serving import pipeline
from serving.registry import MLflowRegistry
from serving.releases import ReleaseNotLoaded, Releases, Surroundings


@bentoml.service(
    name="Ranker",
    workers=1,
    traffic={"timeout": 30},
    logging={"access": {"enabled": False}},
)
class Ranker:
    """Retrieve, hydrate, rank and expose within one release."""

    def __init__(self) -> None:
        self._settings = Settings.load()

    @bentoml.on_startup  # type: ignore[untyped-decorator]
    async def start(self) -> None:
        """Connect, and begin to follow the registry."""
        settings = self._settings
        telemetry.configure("ranker", settings)
        # One core for one search: more threads cost more than they bring at these sizes.
        threadpool_limits(1, "blas")
        self._redis = redis.Redis.from_url(
            settings.redis_url, socket_connect_timeout=2, socket_timeout=5
        )
        self._releases = Releases(
            Surroundings(
                registry=MLflowRegistry(settings.mlflow_url, settings.home / "releases"),
                redis=self._redis,
                bus_url=settings.bus_url,
                clock=utc_now,
                worker=_worker_name(),
            )
        )
        self._following = asyncio.create_task(self._releases.run())

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    async def stop(self) -> None:
        """Report no longer ready, and let go."""
        self._following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._following
        await self._redis.aclose()

    async def __is_ready__(self) -> bool:
        """Whether it is known which release to serve, and it is loaded if there is one."""
        return self._releases.looked.is_set() and not self._following.done()

    async def __is_alive__(self) -> bool:
        """False once the releases are no longer followed: a restart is the remedy."""
        return not self._following.done()

    @bentoml.api(route="/rank")  # type: ignore[untyped-decorator]
    async def rank(self, request: RankRequest, /) -> RankAnswer:
        """Up to 200 candidates for a viewer, in the order of the exposure draw."""
        with telemetry.span("rank", "server", telemetry.extract(_headers())):
            try:
                loaded = self._releases.get(request.release)
            except ReleaseNotLoaded:
                # BentoML passes a response through as it is.
                return _not_loaded(request.release)  # type: ignore[return-value]
            return await pipeline.rank(self._redis, loaded, request)

    @bentoml.api(route="/retrieve_all")  # type: ignore[untyped-decorator]
    async def retrieve_all(self, request: RetrieveRequest, /) -> RetrieveAnswer:
        """For checks: as many eligible people as the index finds, best first."""
        try:
            loaded = (
                self._releases.newest()
                if request.release is None
                else self._releases.get(request.release)
            )
        except ReleaseNotLoaded:
            return _not_loaded(request.release or "")  # type: ignore[return-value]
        ids = await pipeline.retrieve_all(self._redis, loaded, request)
        return RetrieveAnswer(release=loaded.id, ids=ids)


def _headers() -> dict[str, bytes]:
    # The decorator made `Ranker` a BentoML service, which knows the request under way.
    service: Any = Ranker
    request = service.context.request
    return {name: value.encode("latin-1") for name, value in request.headers.items()}


def _worker_name() -> str:
    return f"ranker-{max(0, (bentoml.server_context.worker_index or 1) - 1)}"


def _not_loaded(release: str) -> Response:
    problem = Problem(404, "release_not_loaded", "This worker does not hold the release", release)
    return render(problem, "")
