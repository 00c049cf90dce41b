"""Wiring of the playground: for development only, beside an API that trusts its issuer."""

import random
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from gravity import problems
from gravity.issuer import DEVELOPMENT_ISSUER
from gravity.settings import Settings
from gravity.stack.keys import jwt_private_file
from playground.api import Playground, create_routes
from playground.domain import content_policy
from playground.headers import WithHeaders

_STATIC: Final = Path(__file__).with_name("static")


class NotDevelopment(Exception):
    """This Gravity is none to play with; the message says why."""


def create_app(
    settings: Settings, people: Callable[[], int | None], clock: Callable[[], datetime]
) -> Starlette:
    """The playground, which may speak for anybody. `people`: how many there are, where known.

    Raises NotDevelopment.
    """
    playground = Playground(
        settings.playground_url,
        settings.api_url,
        _private_key(settings),
        people,
        clock,
        random.SystemRandom(),
    )
    headers = {
        "Content-Security-Policy": content_policy(settings.api_url),
        "X-Content-Type-Options": "nosniff",
        # Addresses name the viewer.
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-cache",
    }
    return Starlette(
        routes=[
            *create_routes(playground),
            Mount("/static", GZipMiddleware(StaticFiles(directory=_STATIC))),
            *_photos(settings),
        ],
        middleware=[Middleware(WithHeaders, headers=headers)],
        exception_handlers={
            problems.Problem: problems.on_problem,
            HTTPException: problems.on_http_exception,
        },
    )


def _private_key(settings: Settings) -> str:
    """The development issuer's. Raises NotDevelopment."""
    if settings.jwt_issuer != DEVELOPMENT_ISSUER:
        raise NotDevelopment(
            f"tokens are issued by {settings.jwt_issuer} here: the playground speaks for people by "
            "the development issuer only"
        )
    if not (settings.playground_url and settings.api_url):
        raise NotDevelopment("GRAVITY_API_URL and GRAVITY_PLAYGROUND_URL are not both set")
    file = jwt_private_file(settings.home / "keys")
    try:
        return file.read_text(encoding="ascii").strip()
    except OSError:
        raise NotDevelopment(
            f"no key of a development issuer at {file}: run `gravity up` first"
        ) from None


def _photos(settings: Settings) -> list[Mount]:
    """The photos of the media, where those are a folder; elsewhere people have initials."""
    if "://" in settings.media:
        return []
    folder = Path(settings.media) / "photos"
    # They are drawn while the demo runs already.
    folder.mkdir(parents=True, exist_ok=True)
    return [Mount("/photos", StaticFiles(directory=folder))]
