"""GET /, the page; POST /session, a token for the viewer that it plays."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from gravity.issuer import issue
from gravity.problems import Problem, body_too_large
from playground.domain import (
    RANDOM,
    ViewerInvalid,
    asked_of,
    crowd,
    is_own,
    suggestions,
    viewer_of,
)

_TTL: Final = timedelta(minutes=10)
_LARGEST_BODY: Final = 1024
_FRESH: Final = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Playground:
    """What the routes need. `people`: how many there are, where that is known."""

    origin: str
    api_url: str
    private_key: str
    people: Callable[[], int | None]
    clock: Callable[[], datetime]
    rng: random.Random

    def __repr__(self) -> str:
        # Without the key.
        return f"Playground(origin={self.origin!r}, api_url={self.api_url!r})"


def create_routes(playground: Playground) -> list[Route]:
    """The routes of the playground."""
    pages = Environment(loader=PackageLoader("playground"), autoescape=True, auto_reload=False)
    template = pages.get_template("page.html")

    async def page(request: Request) -> Response:
        if request.headers.get("host") != urlsplit(playground.origin).netloc:
            # The API lets in the pages of one origin only: localhost is another one.
            return RedirectResponse(f"{playground.origin}{_path(request)}", headers=_FRESH)
        people = playground.people()
        said = request.query_params.get("viewer", "")
        if said == RANDOM:
            drawn = playground.rng.randrange(1, crowd(people) + 1)
            return RedirectResponse(f"/?viewer={drawn}", 303, headers=_FRESH)
        viewer, error = _chosen(said)
        html = template.render(
            api_url=playground.api_url,
            viewer=viewer,
            error=error,
            people=people,
            suggestions=suggestions(people),
        )
        return HTMLResponse(html, 400 if error else 200, headers=_FRESH)

    async def session(request: Request) -> Response:
        if not is_own(request.headers, playground.origin):
            raise Problem(403, "forbidden", "Sessions are for the playground's own page")
        try:
            asked = asked_of(json.loads(await _body(request)))
        except (ValueError, RecursionError, ViewerInvalid):
            raise Problem(422, "invalid_request", "The request is not valid") from None
        now = playground.clock()
        token = issue(playground.private_key, asked.viewer, now, _TTL, zone=asked.zone)
        answer = {"token": token, "expires_in": int(_TTL.total_seconds())}
        return JSONResponse(answer, headers=_FRESH)

    async def ready(_: Request) -> Response:
        return JSONResponse({"ready": True})

    return [
        Route("/", page, methods=["GET"]),
        Route("/session", session, methods=["POST"]),
        Route("/readyz", ready, methods=["GET"]),
    ]


def _path(request: Request) -> str:
    query = request.url.query
    return f"/?{query}" if query else "/"


def _chosen(said: str) -> tuple[int | None, str]:
    """The viewer that a page is asked for, and what is wrong with what was said."""
    if not said:
        return None, ""
    try:
        return viewer_of(said), ""
    except ViewerInvalid:
        return None, "People have numbers, from 1 on."


async def _body(request: Request) -> bytes:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LARGEST_BODY:
            raise body_too_large(_LARGEST_BODY)
    return body
