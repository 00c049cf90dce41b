"""Many phones at once, until enough swipes are acknowledged."""

import asyncio
import random
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx
import numpy as np

from cli.chaos.book import Book
from cli.chaos.phone import Network, Phone
from cli.chaos.quotas import FREE, PLUS

TOKEN_TTL: Final = timedelta(hours=6)
AT_ONCE: Final = 64
"""Phones that talk at the same time."""
_TIMEOUT_S: Final = 4.0
_PER_SESSION: Final = 24
_ANSWERS: Final = 0.5
_UNMATCHES: Final = 0.01
_PAYING_SHARE: Final = 0.3
_USED: Final = 0.8
"""Of what everybody's limits allow: some look too seldom to use theirs up."""


class NobodyLeft(Exception):
    """Everybody's day is used up before enough swipes were made."""


@dataclass(frozen=True, slots=True)
class Load:
    """`people` persons, numbered from 1, of whom the first `paying` see who likes them, make
    `swipes` distinct acknowledged swipes in all."""

    people: int
    paying: int
    swipes: int
    seed: int


def paying_of(people: int) -> int:
    """How many of so many people pay."""
    return int(people * _PAYING_SHARE)


def too_many(people: int, swipes: int) -> str | None:
    """Why so many swipes cannot be made by so many people; None if they can."""
    paying = paying_of(people)
    most = int(_USED * min(paying * PLUS + (people - paying) * FREE, people * (people - 1) / 3))
    if swipes <= most:
        return None
    can = f"{people:,} people make at most {most:,} swipes in a day here"
    return f"{can}: more --users, or fewer --swipes"


@asynccontextmanager
async def network(api_url: str, book: Book, stop: asyncio.Event) -> AsyncIterator[Network]:
    """Connections as phones have them: short timeouts, several a server."""
    tls = ssl.create_default_context()
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(base_url=api_url, timeout=_TIMEOUT_S, verify=tls)
            )
            for _ in range(AT_ONCE)
        ]
        yield Network(clients, book, stop)


async def swipe_on(net: Network, load: Load, bearer: Callable[[int], str]) -> None:
    """Run sessions of random people until the book holds `load.swipes`, or `net.stop`.

    Sessions under way are finished: what was sent gets its final answer. Raises NobodyLeft,
    Unreachable.
    """
    dice = np.random.default_rng([load.seed, 1])
    # Some swipe far more than others.
    activity = np.cumsum(dice.gamma(1.5, 1.0, load.people) + 0.2)
    phones = [
        Phone(person, bearer(person), random.Random(f"{load.seed}:{person}"), net)
        for person in range(1, load.people + 1)
    ]
    busy: set[int] = set()

    def next_phone() -> Phone | None:
        for _ in range(50):
            at = int(np.searchsorted(activity, dice.uniform(0, activity[-1])))
            if at not in busy and not phones[at].full:
                return phones[at]
        return next((p for p in phones if not p.full and p.person - 1 not in busy), None)

    async def work() -> None:
        while not net.stop.is_set() and net.book.acknowledged < load.swipes:
            phone = next_phone()
            if phone is None:
                if not busy:
                    raise NobodyLeft
                return
            busy.add(phone.person - 1)
            try:
                await _one_session(phone, load)
            finally:
                busy.discard(phone.person - 1)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())


async def _one_session(phone: Phone, load: Load) -> None:
    if phone.person <= load.paying and phone.dice.random() < _ANSWERS:
        await phone.answer_likes()
    await phone.session(phone.dice.randint(4, 2 * _PER_SESSION))
    if phone.dice.random() < _UNMATCHES:
        await phone.unmatch_somebody()


def noon_zone(now: datetime) -> str:
    """A zone in which it is about noon: nobody's day ends during the run."""
    hours = 12 - now.astimezone(UTC).hour
    # POSIX turns the sign of these names round.
    return f"Etc/GMT{-hours:+d}" if hours else "Etc/GMT"
