"""Decisions of the playground: whom it may speak for, whose request it is, what a page may load."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

# Beyond it a browser's numbers are not exact.
LARGEST_VIEWER: Final = 2**53 - 1
RANDOM: Final = "random"
_ZONE: Final = re.compile(r"[A-Za-z0-9_+/-]{1,64}")
_FAVOURITE: Final = 42
_UNKNOWN_PEOPLE: Final = 1000


class ViewerInvalid(Exception):
    """Not the number of a person."""


@dataclass(frozen=True, slots=True)
class Asked:
    """For whom a session is asked, and their zone as IANA names it, "" where it is not said."""

    viewer: int
    zone: str


def viewer_of(text: str) -> int:
    """The person of a number as somebody writes it. Raises ViewerInvalid."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 16:
        raise ViewerInvalid
    return _checked(int(digits))


def asked_of(body: object) -> Asked:
    """What the body of a session's request says; a zone that is none is as good as not said.
    Raises ViewerInvalid."""
    said = body if isinstance(body, dict) else {}
    viewer, zone = said.get("viewer"), said.get("zone")
    if not isinstance(viewer, int) or isinstance(viewer, bool):
        raise ViewerInvalid
    known = isinstance(zone, str) and _ZONE.fullmatch(zone)
    return Asked(_checked(viewer), str(zone) if known else "")


def _checked(viewer: int) -> int:
    if not 0 < viewer <= LARGEST_VIEWER:
        raise ViewerInvalid
    return viewer


def crowd(people: int | None) -> int:
    """People have the numbers 1 to this, as far as is known."""
    return people or _UNKNOWN_PEOPLE


def suggestions(people: int | None) -> list[int]:
    """Some people to begin with: the one of the demo's story, and some from all over."""
    n = crowd(people)
    return sorted({min(_FAVOURITE, n), max(1, n // 4), max(1, n // 2), max(1, 3 * n // 4)})


def is_own(headers: Mapping[str, str], origin: str) -> bool:
    """Whether a page of `origin` sent the request, as the browser says: no other site, also one
    whose name leads to this machine, can say so."""
    site = headers.get("sec-fetch-site", "same-origin")
    return headers.get("origin") == origin and site == "same-origin"


def content_policy(api_url: str) -> str:
    """The Content-Security-Policy of every answer: nothing inline, no other site but the API.

    Photos from elsewhere are not loaded: who is looked at would be told to whoever has them.
    """
    api = urlsplit(api_url)
    return "; ".join(
        (
            "default-src 'self'",
            f"connect-src 'self' {api.scheme}://{api.netloc}",
            "img-src 'self' data:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )
