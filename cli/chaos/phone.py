"""One person's phone: decks, swipes, rewinds, with the retries of a client on a bad network."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypedDict, cast
from uuid import UUID

import httpx

from cli.chaos.book import Book

# A status that is final: the swipe stands, or it never will.
_STANDS: Final = frozenset({"accepted", "duplicate"})
_LIMITS: Final = frozenset({"over_limit", "over_superlikes"})
_NOT_YET: Final = frozenset({"not_recorded", "too_fast"})
_LONGEST_PAUSE_S: Final = 1.0
_IN_VAIN: Final = 400


class Unreachable(Exception):
    """Hundreds of attempts in a row got no answer that a client could go on with."""


class Card(TypedDict):
    """What a phone keeps of a card."""

    id: int
    token: str


class Swipe(TypedDict):
    """A swipe as it is sent, however often."""

    client_swipe_id: str
    candidate: int
    action: str
    token: str
    swiped_at: str


@dataclass(frozen=True, slots=True)
class Network:
    """What all phones share: clients, each with connections for a few of them (it looks at all of
    its own for each request), the ledger, whether it is over."""

    clients: Sequence[httpx.AsyncClient]
    book: Book
    stop: asyncio.Event


@dataclass(slots=True)
class Phone:
    """A person's client. Not to be used by two tasks at once; it makes its own concurrency."""

    person: int
    bearer: str
    dice: random.Random
    net: Network
    full: bool = False
    """Nothing more today: the quota is used up, or there is nobody left."""
    _last: Swipe | None = field(default=None)

    async def session(self, wanted: int) -> int:
        """Look at a deck and swipe through it; returns how many swipes were acknowledged."""
        cards = await self._deck(wanted)
        if not cards:
            self.full = True
            return 0
        swipes = [self._decide(card) for card in cards]
        stood = await self._send_all(swipes)
        if self.dice.random() < 0.15:
            await self._rewind()
        if self.dice.random() < 0.02:
            await self._block(self.dice.choice(cards)["id"])
        return stood

    async def answer_likes(self) -> int:
        """Swipe on those who like this person, where the tier shows them; how many stood."""
        items = (await self._get("/v1/likes", {"size": "20"}))["items"]
        cards = [
            Card(id=int(str(item["id"])), token=str(item["token"]))
            for item in cast("list[dict[str, object]]", items)
            if item.get("token")
        ]
        return await self._send_all([self._decide(card, likes=0.7) for card in cards])

    async def unmatch_somebody(self) -> None:
        """End the newest match."""
        items = (await self._get("/v1/matches", {"size": "1"}))["items"]
        for item in cast("list[dict[str, int]]", items):
            other = item["person"]
            response = await self._ask("DELETE", f"/v1/matches/{other}", None)
            # 404: it ended meanwhile.
            if response.status_code != httpx.codes.NOT_FOUND:
                self.net.book.part(self.person, other)

    async def _deck(self, size: int) -> list[Card]:
        before = self.net.book.must_not_be_shown(self.person)
        deck = await self._get("/v1/deck", {"size": str(size), "deck_id": str(self._uuid())})
        cards = [
            Card(id=int(str(card["id"])), token=str(card["token"]))
            for card in cast("list[dict[str, object]]", deck["cards"])
        ]
        self.net.book.served(self.person, before, [card["id"] for card in cards])
        return cards

    def _decide(self, card: Card, likes: float = 0.45) -> Swipe:
        drawn = self.dice.random()
        action = "superlike" if drawn < 0.01 else "like" if drawn < likes else "pass"
        return Swipe(
            client_swipe_id=str(self._uuid()),
            candidate=card["id"],
            action=action,
            token=card["token"],
            swiped_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )

    async def _send_all(self, swipes: Sequence[Swipe]) -> int:
        """In batches as an offline phone makes them; now and then several at once, so that they
        arrive out of order."""
        batches: list[Sequence[Swipe]] = []
        left = list(swipes)
        while left:
            size = 1 if self.dice.random() < 0.2 else self.dice.randint(2, 20)
            batches.append(left[:size])
            left = left[size:]
        if self.dice.random() < 0.1:
            return sum(await asyncio.gather(*map(self._send, batches)))
        return sum([await self._send(batch) for batch in batches])

    async def _send(self, batch: Sequence[Swipe]) -> int:
        """Send until each swipe has its final answer; how many stand."""
        left, stood = list(batch), 0
        for pause in self._pauses():
            copies = 2 if self.dice.random() < 0.03 else 1
            bodies = [{"swipes": left}] * copies
            answers = await asyncio.gather(*(self._try("POST", "/v1/swipes", b) for b in bodies))
            final: dict[str, str] = {}
            for answer in answers:
                final |= _final(answer)
            stood += self._note(left, final)
            left = [swipe for swipe in left if swipe["client_swipe_id"] not in final]
            if not left:
                return stood
            await asyncio.sleep(pause)
        raise Unreachable("/v1/swipes")

    def _note(self, sent: Sequence[Swipe], final: Mapping[str, str]) -> int:
        stood = 0
        for swipe in sent:
            status = final.get(swipe["client_swipe_id"])
            if status is None:
                continue
            if status in _STANDS:
                self.net.book.swiped(self.person, swipe["candidate"], swipe["action"])
                self._last = swipe
                stood += 1
            elif status in _LIMITS:
                self.full = self.full or status == "over_limit"
            elif not self._explained(status, swipe["candidate"]):
                self.net.book.refused.append((status, self.person, swipe["candidate"]))
        return stood

    def _explained(self, status: str, candidate: int) -> bool:
        """Whether the card was swiped by another of this phone's requests meanwhile: two decks, or
        a deck and the likes received, may hold the same one."""
        return status == "already_swiped" and (self.person, candidate) in self.net.book.swipes

    async def _rewind(self) -> None:
        """Take the last swipe back, and perhaps decide anew."""
        swipe, book = self._last, self.net.book
        if swipe is None:
            return
        body = {"client_swipe_id": swipe["client_swipe_id"], "token": swipe["token"]}
        book.rewinding(self.person, swipe["candidate"])
        for lost, pause in enumerate(self._pauses()):
            response = await self._try("POST", "/v1/rewinds", body)
            if response is not None and response.status_code == httpx.codes.OK:
                self._last = None
                book.rewound(self.person, swipe["candidate"])
                token = response.json()["token"]
                if not isinstance(token, str):
                    book.refused.append(("no_token", self.person, swipe["candidate"]))
                    return
                if self.dice.random() < 0.5:
                    await self._send([self._decide(Card(id=swipe["candidate"], token=token))])
                return
            if response is not None and response.status_code == httpx.codes.CONFLICT:
                self._last = None
                if lost:
                    book.cannot_tell(self.person, swipe["candidate"])
                else:
                    book.not_rewound(self.person, swipe["candidate"])
                return
            await asyncio.sleep(pause)
        raise Unreachable("/v1/rewinds")

    async def _block(self, other: int) -> None:
        await self._ask("POST", "/v1/blocks", {"person": other})
        self.net.book.part(self.person, other)

    async def _get(self, path: str, params: Mapping[str, str]) -> dict[str, object]:
        query = "&".join(f"{name}={value}" for name, value in params.items())
        response = await self._ask("GET", f"{path}?{query}", None)
        found: dict[str, object] = response.json()
        return found

    async def _ask(
        self, method: str, path: str, body: Mapping[str, object] | None
    ) -> httpx.Response:
        """Ask until there is an answer that another attempt would not better."""
        for pause in self._pauses():
            response = await self._try(method, path, body)
            if response is not None and response.status_code not in (429, 502, 503, 504):
                if response.status_code not in (200, 204, 404):
                    response.raise_for_status()
                return response
            await asyncio.sleep(pause)
        raise Unreachable(path)

    async def _try(
        self, method: str, path: str, body: Mapping[str, object] | None
    ) -> httpx.Response | None:
        """One attempt; None where nothing came back in time."""
        self.net.book.requests += 1
        headers = {"Authorization": f"Bearer {self.bearer}"}
        try:
            client = self.net.clients[self.person % len(self.net.clients)]
            return await client.request(method, path, json=body, headers=headers)
        except httpx.TransportError:
            self.net.book.failures += 1
            return None

    def _pauses(self) -> "list[float]":
        longest = [min(_LONGEST_PAUSE_S, 0.05 * 2.0**n) for n in range(8)]
        longest += [_LONGEST_PAUSE_S] * (_IN_VAIN - len(longest))
        return [self.dice.uniform(pause / 2, pause) for pause in longest]

    def _uuid(self) -> UUID:
        return UUID(int=self.dice.getrandbits(128), version=4)


def _final(response: httpx.Response | None) -> dict[str, str]:
    """Client id -> status of the swipes that need not be sent again."""
    if response is None or response.status_code not in (200, 429, 503):
        if response is not None and response.status_code < 500:
            response.raise_for_status()
        return {}
    results = response.json().get("results", [])
    return {
        result["client_swipe_id"]: result["status"]
        for result in results
        if result["status"] not in _NOT_YET
    }
