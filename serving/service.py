"""The BentoML service: one worker, ids in, ranked ids out.

    bentoml serve serving.service:Ranker

It starts with or without a release; a release that it does not hold is a 404 problem.
"""

from typing import TYPE_CHECKING, Any

import bentoml

from contracts.ranking import RankAnswer, RankRequest, RetrieveAnswer, RetrieveRequest

if TYPE_CHECKING:
    from starlette.responses import Response

    from serving.worker import Worker


@bentoml.service(
    name="Ranker",
    workers=1,
    traffic={"timeout": 30},
    logging={"access": {"enabled": False}},
)
class Ranker:
    """Retrieve, hydrate, rank and expose within one release."""

    _worker: "Worker"

    @bentoml.on_startup  # type: ignore[untyped-decorator]
    async def start(self) -> None:
        """Connect, and begin to follow the registry."""
        # Here, since BentoML's own supervising process imports this module too.
        from gravity.settings import Settings
        from serving.parent import end_with_parent
        from serving.worker import Worker

        end_with_parent()
        self._worker = Worker.start(Settings.load(), _worker_name())

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

    @bentoml.api(route="/rank")  # type: ignore[untyped-decorator]
    async def rank(self, request: RankRequest, /) -> RankAnswer:
        """Up to 200 candidates for a viewer, in the order of the exposure draw."""
        from serving.releases import ReleaseNotLoaded

        try:
            return await self._worker.rank(request, _headers())
        except ReleaseNotLoaded:
            # BentoML passes a response through as it is.
            return _not_loaded(request.release)  # type: ignore[return-value]

    @bentoml.api(route="/retrieve_all")  # type: ignore[untyped-decorator]
    async def retrieve_all(self, request: RetrieveRequest, /) -> RetrieveAnswer:
        """For checks: as many eligible people as the index finds, best first."""
        from serving.releases import ReleaseNotLoaded

        try:
            return await self._worker.retrieve_all(request)
        except ReleaseNotLoaded:
            return _not_loaded(request.release or "")  # type: ignore[return-value]


def _headers() -> dict[str, bytes]:
    # The decorator made `Ranker` a BentoML service, which knows the request under way.
    service: Any = Ranker
    request = service.context.request
    return {name: value.encode("latin-1") for name, value in request.headers.items()}


def _worker_name() -> str:
    return f"ranker-{max(0, (bentoml.server_context.worker_index or 1) - 1)}"


def _not_loaded(release: str) -> "Response":
    from gravity.problems import Problem, render

    problem = Problem(404, "release_not_loaded", "This worker does not hold the release", release)
    return render(problem, "")
