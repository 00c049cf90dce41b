"""The guard counts whoever is served after they were gone, and nobody else."""

import asyncio
from collections.abc import Sequence
from typing import cast
from uuid import uuid4

import httpx

from cli.bench.freshness.events import in_a_deck
from cli.bench.freshness.guard import Guard
from cli.client import Card, Client, Deck

HELD: Deck = {
    "deck_id": str(uuid4()),
    "release": "1",
    "policy": "ranker",
    "exhausted": False,
    "cards": [],
}


def guard(cards: Sequence[int], viewers: Sequence[int] = (1, 2)) -> Guard:
    """Of an API that serves the same cards to everybody."""
    deck = {**HELD, "cards": [{"id": card} for card in cards]}
    answer = httpx.MockTransport(lambda _: httpx.Response(200, json=deck))
    http = httpx.AsyncClient(transport=answer, base_url="http://api")
    return Guard(Client(http, str), viewers)


async def checked(guard: Guard, decks: int) -> int:
    """How many gone people it has seen after so many decks."""
    running = asyncio.create_task(guard.run())
    async with asyncio.timeout(20):
        while guard.checked < decks:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait([running])
    return guard.served


async def test_a_swiped_person_is_counted_for_who_swiped_them_only() -> None:
    watching = guard([7, 8], viewers=[2])
    watching.parted(1, 7, HELD)
    # One in four decks is of somebody else than viewer 1, who held the card.
    assert await checked(watching, 4) == 3
    assert watching.sharp == 3


async def test_a_banned_person_is_counted_for_everybody() -> None:
    watching = guard([7, 8])
    watching.banned(8, 1, HELD)
    assert await checked(watching, 4) == 4


async def test_a_deck_that_was_asked_for_before_counts_nobody() -> None:
    watching = guard([7])

    def gone_meanwhile(_: httpx.Request) -> httpx.Response:
        watching.parted(1, 7, HELD)
        watching.banned(7, 1, HELD)
        return httpx.Response(200, json={**HELD, "cards": [{"id": 7}]})

    answer = httpx.MockTransport(gone_meanwhile)
    watching.client = Client(httpx.AsyncClient(transport=answer, base_url="http://api"), str)
    await watching._look(1, None)
    assert watching.served == 0
    await watching._look(1, None)
    assert watching.served == 1


async def test_who_is_banned_is_in_the_newest_deck_that_has_somebody() -> None:
    watching = guard([7, 8], viewers=[2])
    await checked(watching, 2)
    assert [viewer for viewer, _ in watching.last] == [2] * watching.checked
    assert [chosen[::2] if chosen else None for chosen in chosen_from(watching)] == [
        (3, 9),
        (2, 8),
        None,
    ]


def chosen_from(watching: Guard) -> list[tuple[int, Deck, int] | None]:
    """Of people who may be banned: some in a deck of viewer 3, some in one seen before, none."""
    own: Deck = {**HELD, "cards": [card(9)]}
    decks = [(3, own), *watching.last]
    return [in_a_deck(decks, people) for people in ({8, 9}, {8, 10}, {10})]


def card(person: int) -> Card:
    return cast("Card", {"id": person})
