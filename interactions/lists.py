"""Lists of people from the read side: newest first, in pages, each page with the cards to show."""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self, cast

import numpy as np
from redis.asyncio import Redis

from features.eligibility import age
from features.person_row import PersonTail, decode_heads, decode_tail, person_row_key
from features.wire import packed, round_trip
from interactions import keys
from interactions.scripts import Argument, Script, run_all

PAGE: Final = Script("page.lua")
_EPOCH_DAY: Final = datetime(1970, 1, 1, tzinfo=UTC)


class CursorInvalid(Exception):
    """Not a cursor that a page came with."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last entry of a page: score as Redis writes it, and person."""

    score: str
    person: int

    def __str__(self) -> str:
        raw = f"{self.score}|{self.person}".encode()
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises CursorInvalid."""
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
            score, person = raw.split("|")
            cursor = cls(f"{float(score):.3f}", int(person))
        except (binascii.Error, ValueError):
            raise CursorInvalid from None
        if not 0 <= float(cursor.score) < 1e12 or not 0 < cursor.person < 2**63:
            raise CursorInvalid
        return cursor


@dataclass(frozen=True, slots=True)
class Entry:
    """One person of a list, as a card shows them."""

    person: int
    at: datetime
    age: int
    shown: PersonTail


@dataclass(frozen=True, slots=True)
class Page:
    """`count` is of the whole list; `next` is None on the last page."""

    entries: tuple[Entry, ...]
    count: int
    next: Cursor | None


async def read_page(
    redis: Redis,
    key: str,
    viewer: int,
    size: int,
    after: Cursor | None,
    now: datetime,
    hidden_too: bool,
) -> Page:
    """A page of a sorted set of people. Blocked and withdrawn people, those without a row, and
    hidden or paused ones unless `hidden_too`, are left out, so a page may be shorter than `size`
    though another follows."""
    arguments: list[Argument] = [size, after.score if after else "", after.person if after else ""]
    (reply,) = await run_all(redis, [PAGE], [PAGE.call([key], arguments)])
    count, *flat = cast("list[bytes | int]", reply)
    people = [int(member) for member in flat[::2]]
    scores = [float(score) for score in flat[1::2]]
    last = Cursor(f"{scores[-1]:.3f}", people[-1]) if len(people) == size else None
    entries = await _entries(redis, viewer, people, scores, now, hidden_too)
    return Page(entries, int(count), last)


async def _entries(
    redis: Redis,
    viewer: int,
    people: list[int],
    scores: list[float],
    now: datetime,
    hidden_too: bool,
) -> tuple[Entry, ...]:
    if not people:
        return ()
    ids = [b"%d" % person for person in people]
    commands = [
        packed(b"SMISMEMBER", keys.blocked(viewer).encode(), *ids),
        packed(b"SMISMEMBER", keys.WITHDRAWN.encode(), *ids),
        *(packed(b"GET", person_row_key(person).encode()) for person in people),
    ]
    blocked, withdrawn, *rows = await round_trip(redis, b"".join(commands), len(commands))
    found = [row if isinstance(row, bytes) else None for row in rows]
    heads = decode_heads(found).people
    births = heads["birth_day"].tolist()
    out_of_sight = ~(heads["visible"].astype(bool) | hidden_too)
    gone = (
        np.array(cast("list[int]", blocked), bool)
        | np.array(cast("list[int]", withdrawn), bool)
        | out_of_sight
    ).tolist()
    today = (now.astimezone(UTC) - _EPOCH_DAY).days
    return tuple(
        Entry(person, datetime.fromtimestamp(score, UTC), age(birth, today), decode_tail(row))
        for person, score, birth, row, out in zip(people, scores, births, found, gone, strict=True)
        if row is not None and not out
    )
