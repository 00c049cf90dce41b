"""The loop, shown: a deck, some likes on one kind of person, the changed deck, a mutual like."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter
from uuid import uuid4

from rich.console import Console
from rich.table import Table

from cli.check.shift import AGE_BANDS
from cli.client import Card, Client, Deck, SwipeRequest, Why, swipe_of
from cli.wait import until

SIZE = 20
DECKS = 5
SHOWN = 8
LIKES = PASSES = 15
BROWSE = 100
# A story takes half of these; whoever has fewer left is spared while somebody else has more.
ENOUGH = 60
ASKED = 40
# Below some thousands of people (docs/decisions/0040) tastes add next to nothing to rates.
TEACHING = 5000
Ages = tuple[int, int]
_WORDS = {
    "your_taste": "your taste ×{times}",
    "your_photo_taste": "photos to your taste ×{times}",
    "likes_you_probably": "likes you, probably ({percent}%)",
    "may_like_you": "may like you ({percent}%)",
    "often_liked": "often liked ×{times}",
    "near_you": "near you",
}


class ShowcaseFailed(Exception):
    """The loop did not do what it promises; the message says which step."""


@dataclass(frozen=True, slots=True)
class Showcase:
    """Tells one viewer's story; `learned` waits for the viewer's swipes to be in their features,
    `entitle` lets a person see who likes them."""

    console: Console
    client: Client
    learned: Callable[[int], Awaitable[None]]
    has_swiped: Callable[[int, int], Awaitable[bool]]
    entitle: Callable[[int], Awaitable[None]]

    async def tell(self, first: int, people: int) -> None:
        """Show every step of the loop for a viewer who has people left to see, from `first` on."""
        viewer = await self._viewer(first, people)
        before = await self.client.deck(viewer, SIZE, uuid4())
        self._print_deck(f"The deck of viewer {viewer}", before)
        ages = _some_ages((await self.client.deck(viewer, BROWSE, uuid4()))["cards"])
        share = await self._share(viewer, ages)
        acknowledged = await self._like_these(viewer, ages)
        await self.learned(viewer)
        after = await self.client.deck(viewer, SIZE, uuid4())
        seconds = perf_counter() - acknowledged
        self._print_deck("The next deck", after)
        self.console.print(
            f"  cards of people aged {_words(ages)}, over {DECKS} decks: {share:.0%} → "
            f"[bold]{await self._share(viewer, ages):.0%}[/]\n"
            f"  the next deck came {seconds:.2f} s after the last swipe was acknowledged\n"
        )
        if people < TEACHING:
            self.console.print(
                f"  [dim]{people:,} people are too few to learn tastes from: what moves here is "
                "who is left, and how often they are liked. The whole population shows more.[/]\n"
            )
        await self._match(viewer)

    async def _viewer(self, first: int, people: int) -> int:
        """Earlier stories have used up people: the first viewer with enough left, or the most."""
        left: dict[int, int] = {}
        for viewer in range(first, min(first + ASKED, people + 1)):
            if not await self.client.is_visible(viewer):
                # Nobody would see their likes.
                continue
            left[viewer] = len((await self.client.deck(viewer, BROWSE, uuid4()))["cards"])
            if left[viewer] >= ENOUGH:
                break
        viewer = max(left, key=left.__getitem__, default=first)
        if left.get(viewer, 0) < 4:
            raise ShowcaseFailed("nobody is left to be shown to anybody: `make clean` begins again")
        return viewer

    def _print_deck(self, title: str, deck: Deck) -> None:
        table = Table(
            title=f"{title} ({deck['policy']}, release {deck['release']})", title_justify="left"
        )
        for column in ("", "name", "age", "distance", "why"):
            table.add_column(column, justify="right" if column in ("", "age") else "left")
        for position, card in enumerate(deck["cards"][:SHOWN]):
            why = ", ".join(_why(reason) for reason in card["why"])
            table.add_row(
                str(position), card["name"], str(card["age"]), f"< {card['distance_km']} km", why
            )
        self.console.print(table)
        rest = len(deck["cards"]) - SHOWN
        if rest > 0:
            self.console.print(f"  [dim]… and {rest} more[/]")

    async def _share(self, viewer: int, ages: Ages) -> float:
        """The share of some decks: a single one is a draw, and shows mostly its noise."""
        cards: list[Card] = []
        for _ in range(DECKS):
            cards += (await self.client.deck(viewer, SIZE, uuid4()))["cards"]
        return sum(_aged(card, ages) for card in cards) / max(1, len(cards))

    async def _like_these(self, viewer: int, ages: Ages) -> float:
        """15 likes of people of these ages, 15 passes of others, half of the people left at most;
        returns when the last was acknowledged."""
        deck = await self.client.deck(viewer, BROWSE, uuid4())
        most = len(deck["cards"]) // 4
        left = dict(wanted := {True: min(LIKES, most), False: min(PASSES, most)})
        acknowledged = perf_counter()
        for _ in range(6):
            batch: list[SwipeRequest] = []
            for card in deck["cards"]:
                liked = _aged(card, ages)
                if left[liked]:
                    left[liked] -= 1
                    batch.append(swipe_of(card, "like" if liked else "pass"))
            if not batch:
                break
            await self.client.swipe(viewer, batch)
            acknowledged = perf_counter()
            deck = await self.client.deck(viewer, BROWSE, uuid4())
        self.console.print(
            f"\n  {wanted[True] - left[True]} likes of people aged [bold]{_words(ages)}[/], "
            f"{wanted[False] - left[False]} passes of others …\n"
        )
        return acknowledged

    async def _match(self, viewer: int) -> None:
        """The viewer likes the best card undecided so far; that person, who may see who likes them,
        likes back."""
        card = await self._undecided(viewer)
        other = card["id"]
        await self.entitle(other)
        await self.client.swipe(viewer, [swipe_of(card, "like")])
        started = perf_counter()
        received = await until(lambda: self._like_of(other, viewer), "the like received")
        self.console.print(
            f"  Viewer {viewer} likes {card['name']} ({other}), who has the tier gold, so sees who "
            "it is, and likes back:"
        )
        await self.client.swipe(other, [swipe_of(received, "like")])
        await until(lambda: self._is_matched(viewer, other), "the match")
        self.console.print(
            f"  [bold green]it's a match[/] of {viewer} and {other}, "
            f"{perf_counter() - started:.2f} s after the first like\n"
        )

    async def _undecided(self, viewer: int) -> Card:
        """The first card of somebody who has not swiped the viewer in the imported month."""
        for card in (await self.client.deck(viewer, BROWSE, uuid4()))["cards"]:
            if not await self.has_swiped(card["id"], viewer):
                return card
        raise ShowcaseFailed(f"everybody whom {viewer} could like has decided on {viewer} already")

    async def _like_of(self, person: int, liker: int) -> Card | None:
        return next((c for c in await self.client.likes(person) if c["id"] == liker), None)

    async def _is_matched(self, person: int, other: int) -> bool:
        return other in await self.client.matches(person)


def _some_ages(cards: list[Card]) -> Ages:
    """Ages of which there are some, but not most: likes of them must be able to show. Whoever is
    liked is not shown again, so there are to be twice as many as the story likes, or the most."""
    counts = [sum(_aged(card, ages) for card in cards) for ages in AGE_BANDS]
    enough = [n for n, count in enumerate(counts) if count >= 2 * LIKES]
    if not enough:
        return AGE_BANDS[max(range(len(AGE_BANDS)), key=counts.__getitem__)]
    return AGE_BANDS[min(enough, key=lambda n: abs(counts[n] - len(cards) / 4))]


def _aged(card: Card, ages: Ages) -> bool:
    return ages[0] <= card["age"] <= ages[1]


def _words(ages: Ages) -> str:
    return f"{ages[0]} and over" if ages == AGE_BANDS[-1] else f"{ages[0]}–{ages[1]}"


def _why(reason: Why) -> str:
    """A reason as a client might word it; codes that came later are shown as they are."""
    words = _WORDS.get(reason["code"], reason["code"].replace("_", " "))
    return words.format_map(reason["parameters"])
