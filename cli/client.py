"""The public API as a mobile client uses it: decks, swipes, likes, matches, over plain HTTP."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypedDict
from uuid import UUID, uuid4

import httpx

# A second of the server's slowness on a loaded laptop is no reason to fail a check.
TIMEOUT = httpx.Timeout(30.0)
RETRIES = 5


class Why(TypedDict):
    """One reason why a card is in the deck."""

    code: str
    parameters: dict[str, str | int | float]


class Card(TypedDict):
    """One card of a deck, as served."""

    id: int
    name: str
    age: int
    distance_km: int
    why: list[Why]
    token: str


class Deck(TypedDict):
    """A deck, as served."""

    deck_id: str
    release: str | None
    policy: str
    exhausted: bool
    cards: list[Card]


class SwipeRequest(TypedDict):
    """One swipe of a batch."""

    client_swipe_id: str
    candidate: int
    action: str
    token: str


class SwipeResult(TypedDict):
    """What became of one swipe of a batch."""

    client_swipe_id: str
    status: str


@dataclass(frozen=True, slots=True)
class Client:
    """Calls the API for any viewer; `token` makes a viewer's bearer token."""

    http: httpx.AsyncClient
    token: Callable[[int], str]

    def _headers(self, viewer: int) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(viewer)}"}

    async def _get(self, viewer: int, path: str, **params: str | int) -> httpx.Response:
        response = await self.http.get(path, params=params, headers=self._headers(viewer))
        response.raise_for_status()
        return response

    async def deck(self, viewer: int, size: int = 20, deck_id: UUID | None = None) -> Deck:
        """Fetch a deck; raises `httpx.HTTPStatusError` on a problem."""
        params: dict[str, str | int] = {"size": size}
        if deck_id is not None:
            params["deck_id"] = str(deck_id)
        deck: Deck = (await self._get(viewer, "/v1/deck", **params)).json()
        return deck

    async def swipe(self, viewer: int, swipes: Sequence[SwipeRequest]) -> list[SwipeResult]:
        """Send swipes as one batch; each is answered separately, in the batch's order.

        A batch that could not be recorded is sent again as it was, as the API asks of clients.
        """
        body = {"swipes": list(swipes)}
        for _ in range(RETRIES):
            response = await self.http.post("/v1/swipes", json=body, headers=self._headers(viewer))
            if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
        response.raise_for_status()
        results: list[SwipeResult] = response.json()["results"]
        return results

    async def is_visible(self, viewer: int) -> bool:
        """Whether others may see the viewer."""
        profile = (await self._get(viewer, "/v1/me")).json()
        return bool(profile["visibility"] == "visible")

    async def likes(self, viewer: int) -> list[Card]:
        """Fetch the newest likes received, each with the token to answer it; none to somebody whose
        tier blurs them."""
        items = (await self._get(viewer, "/v1/likes")).json()["items"]
        return [item for item in items if not item["blurred"]]

    async def matches(self, viewer: int) -> list[int]:
        """Fetch the people of the newest matches, newest first."""
        items = (await self._get(viewer, "/v1/matches")).json()["items"]
        return [int(item["person"]) for item in items]


@asynccontextmanager
async def open_client(api_url: str, token: Callable[[int], str]) -> AsyncIterator[Client]:
    """Open a client with kept connections; closed on exit."""
    limits = httpx.Limits(max_connections=16, max_keepalive_connections=16)
    async with httpx.AsyncClient(base_url=api_url, timeout=TIMEOUT, limits=limits) as http:
        yield Client(http, token)


def swipe_of(card: Card, action: str) -> SwipeRequest:
    """The swipe of a served card, under a fresh client id."""
    return {
        "client_swipe_id": str(uuid4()),
        "candidate": card["id"],
        "action": action,
        "token": card["token"],
    }
