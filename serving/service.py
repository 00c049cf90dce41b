"""The BentoML service: one worker, ids in, ranked ids out.

    bentoml serve serving.service:Ranker

`POST /rank` is `serving.rank_route`. It starts with or without a release; a release that it does
not hold is a 404 problem.
"""

import os
from typing import TYPE_CHECKING, Any

import bentoml

from contracts.ranking import RetrieveAnswer, RetrieveRequest
from serving import parent

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from serving.worker import Worker

# Of this process, once it has started.
_workers: "list[Worker]" = []


@bentoml.service(
    name="Ranker",
    workers=1,
    traffic={"timeout": 30},
    # Of the supervising process, which imports this module to start the workers.
    envs=[{"name": parent.VARIABLE, "value": str(os.getpid()), "stage": "runtime"}],
    # Rankings are counted and traced by our own: what BentoML does for each costs as much as one.
    logging={"access": {"enabled": False, "skip_paths": ["/metrics", "/rank"]}},
    tracing={"excluded_urls": ["/rank"]},
)
class Ranker:
    """Retrieve, hydrate, rank and expose within one release."""

    _worker: "Worker"

    @bentoml.on_startup  # type: ignore[untyped-decorator]
    async def start(self) -> None:
        """Connect, and begin to follow the registry."""
        # Here, since BentoML's own supervising process imports this module too.
        from gravity.settings import Settings
        from serving.worker import Worker

        parent.end_with_parent()
        self._worker = Worker.start(Settings.load())
        _workers.append(self._worker)

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    async def stop(self) -> None:
        """Report no longer ready, and let go."""
        await self._worker.stop()

    async def __is_ready__(self) -> bool:
        """For /readyz."""
        return self._worker.is_ready()

    async def __is_alive__(self) -> bool:
        """For /livez."""
        return self._worker.is_alive()

    @bentoml.api(route="/retrieve_all")  # type: ignore[untyped-decorator]
    async def retrieve_all(self, request: RetrieveRequest, /) -> RetrieveAnswer:
        """For checks: as many eligible people as the index finds, best first."""
        from serving.index import IndexUnavailable
        from serving.releases import ReleaseNotLoaded

        try:
            return await self._worker.retrieve_all(request)
        except ReleaseNotLoaded:
            # BentoML passes a response through as it is.
            return _not_loaded(request.release or "")  # type: ignore[return-value]
        except IndexUnavailable as error:
            return _no_index(error)  # type: ignore[return-value]


def _rank_route(app: "ASGIApp") -> "ASGIApp":
    # Here for the same reason: this is called in the worker.
    from serving.rank_route import RankRoute

    return RankRoute(app, lambda: _workers[0])


# The decorator made `Ranker` a BentoML service.
_service: Any = Ranker
_service.add_asgi_middleware(_rank_route)


def _not_loaded(release: str) -> "Response":
    from gravity.problems import render
    from serving.rank_route import not_loaded

    return render(not_loaded(release), "")


def _no_index(error: Exception) -> "Response":
    from gravity.problems import render
    from serving.rank_route import no_index

    return render(no_index(error), "")
