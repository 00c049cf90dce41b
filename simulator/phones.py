"""The phones of a live market's people: the public API over HTTP, with the patience it asks for.

What the platform says is to come again later (429, 503) comes again when it says so; what it
refuses is an error that says whose request it was. Swipes carry a client id of their own, so that
a batch may be sent again whatever became of it.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

import httpx

LARGEST_DECK: Final = 100
_LARGEST_BATCH: Final = 100
"""Swipes a request: fewer than the API takes, as a refused batch is sent again as a whole."""
_PAGE: Final = 100
_SILENCE: Final = 0
_PATIENCE_S: Final[Mapping[int, float]] = {
    HTTPStatus.TOO_MANY_REQUESTS: 1800.0,
    HTTPStatus.SERVICE_UNAVAILABLE: 60.0,
    _SILENCE: 60.0,
}
"""For how many seconds a request is sent again, by what it is answered: all that goes by while it
is, the answers as well as the pauses."""
_PAUSE_S: Final = 1.0
_STANDS: Final = frozenset({"accepted", "duplicate", "already_swiped"})


class LiveFailed(Exception):
    """A live market cannot go on; the message says why."""


class PlatformAway(LiveFailed):
    """The platform does not answer, or answers that it cannot for longer than is waited."""


class NotAllowed(LiveFailed):
    """The platform does not let the person do this."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Somebody on a screen, by id, and the token to swipe them with."""

    person: int
    token: str


@dataclass(frozen=True, slots=True)
class Swipe:
    """What is decided of somebody shown."""

    shown: Shown
    liked: bool


@dataclass(frozen=True, slots=True)
class Phones:
    """Requests of any person; `bearer` makes the token that speaks for them, `sleep` waits, and
    `now` tells seconds that never go back."""

    http: httpx.AsyncClient
    bearer: Callable[[int], str]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    now: Callable[[], float] = time.monotonic

    async def deck(self, person: int, size: int) -> list[Shown]:
        """A new deck of at most `size` cards, from the top."""
        query: dict[str, str | int] = {"size": min(size, LARGEST_DECK), "deck_id": str(uuid4())}
        return _shown((await self._ask(person, "GET", "/v1/deck", params=query))["cards"])

    async def likes(self, person: int) -> list[Shown]:
        """Everybody whose like waits for an answer. Raises NotAllowed for somebody who is not told
        who they are."""
        found: list[Shown] = []
        query: dict[str, str | int] = {"size": _PAGE}
        while True:
            page = await self._ask(person, "GET", "/v1/likes", params=query)
            if any(item["blurred"] for item in page["items"]):
                raise NotAllowed(f"person {person} is not told who likes them: the tier is free")
            found += _shown(page["items"])
            if page["next"] is None:
                return found
            query["after"] = page["next"]

    async def swipe(self, person: int, swipes: Sequence[Swipe]) -> None:
        """Send swipes in their order. Raises NotAllowed where one is refused for good."""
        for start in range(0, len(swipes), _LARGEST_BATCH):
            batch = [_as_sent(each) for each in swipes[start : start + _LARGEST_BATCH]]
            answer = await self._ask(person, "POST", "/v1/swipes", json={"swipes": batch})
            for result in answer["results"]:
                if result["status"] not in _STANDS:
                    raise NotAllowed(
                        f"a swipe of person {person} on {result['candidate']} was refused: "
                        f"{result['status']}"
                    )

    async def _ask(self, person: int, method: str, path: str, **what: Any) -> Any:
        """The JSON answer; the request is sent again as it was while the platform asks for that."""
        lost: defaultdict[int, float] = defaultdict(float)
        while True:
            asked = self.now()
            headers = {"Authorization": f"Bearer {self.bearer(person)}"}
            try:
                response = await self.http.request(method, path, headers=headers, **what)
            except httpx.TransportError as error:
                kind, pause = _SILENCE, _PAUSE_S
                why = f"no answer from {self.http.base_url}: {type(error).__name__} {error}"
            else:
                kind = response.status_code
                if kind not in _PATIENCE_S:
                    return _answer(response, person)
                pause, why = _retry_after(response), _said(response)
            if lost[kind] + (self.now() - asked) + pause > _PATIENCE_S[kind]:
                raise PlatformAway(f"{method} {path} for person {person}: {why}")
            await self.sleep(pause)
            lost[kind] += self.now() - asked


def _answer(response: httpx.Response, person: int) -> Any:
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        raise NotAllowed(
            f"the platform does not take the token of person {person} ({_said(response)}): "
            "is it one of this stack's development issuer, and does its clock agree?"
        )
    if not response.is_success:
        raise NotAllowed(f"{response.request.url.path} for person {person}: {_said(response)}")
    return response.json()


def _said(response: httpx.Response) -> str:
    """The status and what the problem says."""
    try:
        problem: Mapping[str, object] = response.json()
        words = str(problem.get("title", ""))
    except (ValueError, AttributeError):
        words = ""
    return f"{response.status_code} {words or response.reason_phrase}"


def _retry_after(response: httpx.Response) -> float:
    """Seconds; at least some, so that nothing is asked in a hurry."""
    told = response.headers.get("Retry-After", "")
    return max(_PAUSE_S, float(told)) if told.isdecimal() else _PAUSE_S


def _shown(items: Sequence[Mapping[str, Any]]) -> list[Shown]:
    return [Shown(int(item["id"]), str(item["token"])) for item in items]


def _as_sent(swipe: Swipe) -> dict[str, object]:
    return {
        "client_swipe_id": str(uuid4()),
        "candidate": swipe.shown.person,
        "action": "like" if swipe.liked else "pass",
        "token": swipe.shown.token,
    }
