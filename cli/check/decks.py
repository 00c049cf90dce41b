"""Decks against brute force: violations, people missed, and recall of the best twenty."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import httpx
import numpy as np
from numpy.typing import NDArray

from cli.check.ranker import Ranker
from cli.check.scores import Scores
from cli.check.world import World
from cli.client import Client, Deck

Item = TypeVar("Item")
Result = TypeVar("Result")

CONCURRENCY = 4
BEST = 20


async def each(
    items: Sequence[Item], call: Callable[[Item], Awaitable[Result]], advance: Callable[[], None]
) -> list[Result]:
    """Call for every item, a few at a time; results in the items' order."""
    gate = asyncio.Semaphore(CONCURRENCY)

    async def one(item: Item) -> Result:
        async with gate:
            result = await call(item)
        advance()
        return result

    return list(await asyncio.gather(*(one(item) for item in items)))


@dataclass(frozen=True, slots=True)
class DeckCheck:
    """What a check of served decks found."""

    decks_checked: int
    fallbacks: int
    violations: int
    # Ranked decks with fewer cards than there are people to show.
    short_decks: int


async def check_decks(
    world: World, client: Client, viewers: Sequence[int], size: int, advance: Callable[[], None]
) -> DeckCheck:
    """Fetch every viewer's deck and count cards that break a constraint or were swiped before."""
    decks: list[Deck] = await each(viewers, lambda v: client.deck(v, size), advance)
    violations = short = 0
    for viewer, deck in zip(viewers, decks, strict=True):
        allowed = world.unseen_eligible(world.people.row(viewer))
        ids = np.array([card["id"] for card in deck["cards"]], dtype=np.int64)
        violations += len(ids) - int(np.isin(ids, world.people.person[allowed]).sum())
        violations += len(ids) - len(np.unique(ids))
        is_short = len(ids) < min(size, int(allowed.sum()))
        short += is_short and deck["policy"] != "fallback"
    fallbacks = sum(deck["policy"] == "fallback" for deck in decks)
    return DeckCheck(len(decks), fallbacks, violations, short)


async def count_missed(
    world: World, ranker: Ranker, viewers: Sequence[int], advance: Callable[[], None]
) -> int:
    """Eligible unseen people whom the index does not return when asked for as many as there are."""

    async def missed(viewer: int) -> int:
        expected = world.people.person[world.unseen_eligible(world.people.row(viewer))]
        if not len(expected):
            return 0
        # Whoever is returned wrongly stands in somebody else's place.
        found = await ranker.retrieve_all(viewer, len(expected))
        return len(np.setdiff1d(expected, found))

    return sum(await each(viewers, missed, advance))


async def deck_recall(
    world: World,
    ranker: Ranker,
    scores: Scores,
    viewers: Sequence[int],
    advance: Callable[[], None],
) -> float:
    """The share of the 20 best of all eligible by the final score that are among the retrieved."""

    async def shares(viewer: int) -> tuple[int, int]:
        row = world.people.row(viewer)
        rows = np.flatnonzero(world.unseen_eligible(row))
        score = scores.final(row, rows, world.likers(row)[rows])
        best = world.people.person[rows[_best(score)]]
        retrieved = await ranker.retrieved(viewer)
        return int(np.isin(best, retrieved).sum()), len(best)

    counts = await each(viewers, shares, advance)
    return sum(hit for hit, _ in counts) / max(1, sum(total for _, total in counts))


def _best(score: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.argsort(-score, kind="stable")[:BEST]


class NotServing(Exception):
    """The API does not answer: is the stack up?"""


async def wait_for_release(client: Client, viewer: int, deadline_s: float) -> Deck:
    """Ask for decks until one comes from a release; raises `NotServing` after the deadline."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + deadline_s
    failure = "only the fallback answered"
    while loop.time() < ends:
        try:
            deck = await client.deck(viewer)
            if deck["policy"] != "fallback":
                return deck
        except httpx.HTTPError as error:
            failure = repr(error)
        await asyncio.sleep(0.1)
    raise NotServing(f"no deck from a release within {deadline_s:.0f} s: {failure}")
