"""What happens in the benchmark of freshness: one method a kind, each gives the seconds from the
acknowledgement to the answer that first shows the effect."""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from time import perf_counter
from typing import Any, Final
from uuid import uuid4

import numpy as np

from cli.bench.freshness.cast import Cast, Place
from cli.bench.freshness.guard import Guard
from cli.bench.freshness.watch import EVERY_S, Watch
from cli.check.ranker import Ranker
from cli.client import Client, Deck, swipe_of
from cli.wait import until
from contracts import events_pb2 as events
from gravity.kernel import Kernel
from safety.decisions import decide

_LEARNED: Final = "logit_viewer_given_rate"
_BORN: Final = date(1995, 5, 4)
_NEAR_DEGREES: Final = 0.05


@dataclass(slots=True)
class Happenings:
    """Makes things happen to people of the cast, and waits until it shows.

    None instead of seconds where there is nobody left to whom it could happen.
    """

    kernel: Kernel
    client: Client
    ranker: Ranker
    cast: Cast
    guard: Guard
    at_home: Watch
    away: Watch

    async def swipe(self, number: int) -> float | None:
        """A viewer likes the first card of a deck; the next deck's inputs know of it.

        Their second card is blocked then: nothing shows that but its absence.
        """
        viewer = self.cast.viewers[number % len(self.cast.viewers)]
        deck = await self.client.deck(viewer)
        before = await self._given_rate(viewer)
        if not deck["cards"] or before is None:
            return None
        liked, *others = deck["cards"]
        await self.client.swipe(viewer, [swipe_of(liked, "like")])
        acknowledged = perf_counter()
        self.guard.parted(viewer, liked["id"], deck)

        async def learned() -> float | None:
            now = await self._given_rate(viewer)
            return perf_counter() if now != before else None

        shown = await until(learned, f"the swipe of viewer {viewer}", every_s=EVERY_S)
        if others:
            await self._send("POST", viewer, "/v1/blocks", {"person": others[0]["id"]})
            self.guard.parted(viewer, others[0]["id"], deck)
        return shown - acknowledged

    async def profile(self, number: int) -> float | None:
        """Somebody new says who they are, where, and whom they seek: then they are found."""
        person, place = self.cast.newcomers[number], self.cast.home
        near = np.random.default_rng(person).uniform(-_NEAR_DEGREES, _NEAR_DEGREES, 2)
        profile = {"name": "Robin", "birth_date": f"{_BORN - timedelta(number)}", "gender": "man"}
        location = {
            "latitude": place.latitude + float(near[0]),
            "longitude": place.longitude + float(near[1]),
        }
        seeks = {"seeks": ["woman"], "age_min": 18, "age_max": 99, "max_distance_km": 50.0}
        await self._send("PUT", person, "/v1/me", profile)
        await self._send("PUT", person, "/v1/me/location", location)
        await self._send("PUT", person, "/v1/me/preferences", {**seeks, "visibility": "visible"})
        acknowledged = perf_counter()
        shown = await self.at_home.expect(
            lambda found: person in found, f"the new profile of person {person}"
        )
        return shown - acknowledged

    async def move(self, number: int) -> float | None:
        """Somebody goes to the other side of the world: found there, and here no more."""
        if number >= len(self.cast.movers):
            return None
        person, to = self.cast.movers[number], self.cast.home.antipode
        await self._send("PUT", person, "/v1/me/location", _location(to))
        acknowledged = perf_counter()
        what = f"the move of person {person}"
        # Both watch at once: neither has to be first.
        gone = self.at_home.expect(lambda found: person not in found, what)
        come = self.away.expect(lambda found: person in found, what)
        return max(await asyncio.gather(gone, come)) - acknowledged

    async def ban(self, number: int) -> float | None:
        """Somebody in a viewer's deck is banned, as `gravity safety ban` does it: found no more."""
        viewers = self.cast.viewers
        viewer = viewers[-1 - number % len(viewers)]
        decks = [(viewer, await self.client.deck(viewer)), *self.guard.last]
        chosen = in_a_deck(decks, self.cast.bannable & self.at_home.found)
        if chosen is None:
            return None
        viewer, deck, person = chosen
        kernel, banned = self.kernel, events.SAFETY_DECISION_BANNED
        await decide(kernel.pool, kernel.redis, person, banned, "benchmark", kernel.clock())
        acknowledged = perf_counter()
        self.guard.banned(person, viewer, deck)
        shown = await self.at_home.expect(
            lambda found: person not in found, f"the ban of person {person}"
        )
        return shown - acknowledged

    async def _given_rate(self, viewer: int) -> float | None:
        """What a deck's ranking takes for how readily the viewer likes: only they change it."""
        answer = await self.ranker.rank(viewer, uuid4())
        learned = answer.features[:, answer.feature_names.index(_LEARNED)]
        return float(learned[0]) if len(learned) else None

    async def _send(self, method: str, viewer: int, path: str, body: dict[str, Any]) -> None:
        headers = {"Authorization": f"Bearer {self.client.token(viewer)}"}
        response = await self.client.http.request(method, path, json=body, headers=headers)
        response.raise_for_status()


def in_a_deck(
    decks: Iterable[tuple[int, Deck]], people: Collection[int]
) -> tuple[int, Deck, int] | None:
    """The first of the viewers and their decks that has somebody of these people, and that person;
    None where nobody of them is in a deck."""
    for viewer, deck in decks:
        for card in deck["cards"]:
            if card["id"] in people:
                return viewer, deck, card["id"]
    return None


def _location(place: Place) -> dict[str, float]:
    return {"latitude": place.latitude, "longitude": place.longitude}
