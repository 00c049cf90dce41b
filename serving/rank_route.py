"""POST /rank, past the layers that BentoML puts around its own routes.

They cost more than all of the rest of the way (docs/decisions/0058). A middleware is where BentoML
lets plain ASGI in before them.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError
from redis.exceptions import RedisError
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from contracts.ranking import RankRequest
from gravity.problems import Problem, render
from serving.index import IndexUnavailable
from serving.releases import ReleaseNotLoaded

if TYPE_CHECKING:
    from serving.worker import Worker

log = logging.getLogger(__name__)

PATH: Final = "/rank"
_CONTENT: Final = (b"content-type", b"application/x-protobuf")
_MOST_AT_ONCE: Final = 32
"""One after the other they take some 5 ms each: whoever came later would not be waited for."""


class RankRoute:
    """Answers a `RankRequest` (JSON) with a `RankAnswer` (Protobuf), or a problem document."""

    def __init__(self, app: ASGIApp, worker: "Callable[[], Worker]") -> None:
        self._app = app
        self._worker = worker
        self._at_once = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        if self._at_once >= _MOST_AT_ONCE:
            busy = Problem(503, "busy", "The ranker has enough to do", headers={"Retry-After": "1"})
            await render(busy, "")(scope, receive, send)
            return
        self._at_once += 1
        try:
            answer = await self._ranked(Request(scope, receive))
        except ClientDisconnect:
            return
        except Exception as error:
            await render(_problem(error), "")(scope, receive, send)
            return
        finally:
            self._at_once -= 1
        head = [(b"content-length", b"%d" % len(answer)), _CONTENT]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": answer})

    async def _ranked(self, request: Request) -> bytes:
        asked = RankRequest.model_validate_json(await request.body())
        headers = {name.decode("latin-1"): value for name, value in request.headers.raw}
        async with asyncio.timeout(asked.budget_ms / 1000):
            return await self._worker().rank(asked, headers)


def _problem(error: Exception) -> Problem:
    match error:
        case ReleaseNotLoaded():
            return not_loaded(str(error))
        case IndexUnavailable():
            return no_index(error)
        case ValidationError():
            extras = {"errors": error.errors(include_url=False, include_input=False)}
            return Problem(422, "invalid_request", "The request is not valid", extras=extras)
        case TimeoutError() | RedisError():
            return Problem(503, "late", "The ranking would come too late")
        case _:
            log.error("a ranking failed", exc_info=error)
            return Problem(500, "internal_error", "Something went wrong")


def not_loaded(release: str) -> Problem:
    """The answer where a worker does not hold a release."""
    return Problem(404, "release_not_loaded", "This worker does not hold the release", release)


def no_index(error: Exception) -> Problem:
    """The answer where the engine of the index does not answer."""
    log.warning("no search", extra={"reason": str(error)})
    return Problem(503, "index_unavailable", "Candidates cannot be searched")
