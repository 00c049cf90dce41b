"""The day's limits in a chaos run: nobody goes beyond, and everybody is charged what stands."""

from collections import Counter
from typing import Final, cast

from redis.asyncio import Redis

from cli.chaos.book import Book
from features.wire import packed, round_trip
from interactions import keys

FREE: Final = 60
PLUS: Final = 160
"""Swipes a day: so few that the busiest reach their limit."""
SUPERLIKES: Final = 3
_KINDS: Final = ("swipes", "superlikes")


def charges(book: Book) -> Counter[tuple[int, bool]]:
    """What each person's standing swipes cost of the day, by person and whether superlikes."""
    return Counter((swiper, action == "superlike") for (swiper, _), action in book.swipes.items())


def over_limit(book: Book, paying: int) -> int:
    """People of whom more stands than a day allows. Persons 1..paying have the higher limit."""
    return sum(
        spent > (SUPERLIKES if superlikes else PLUS if person <= paying else FREE)
        for (person, superlikes), spent in charges(book).items()
    )


async def count_differences(redis: Redis, book: Book) -> list[tuple[int, str, int, int]]:
    """(person, kind, charged in Redis, standing) of whoever is charged anything else than what
    stands; people of whom a swipe is unsure are left out."""
    spent = charges(book)
    unsure = {swiper for swiper, _ in book.unsure}
    people = sorted({person for person, _ in spent} - unsure)
    commands = [packed(b"HMGET", keys.quota(p).encode(), b"n", b"s") for p in people]
    replies = cast(
        "list[list[bytes | None]]", await round_trip(redis, b"".join(commands), len(commands))
    )
    return [
        (person, kind, charged, spent[person, kind == "superlikes"])
        for person, reply in zip(people, replies, strict=True)
        for kind, charged in zip(
            ("swipes", "superlikes"), (int(v or 0) for v in reply), strict=True
        )
        if charged != spent[person, kind == "superlikes"]
    ]
