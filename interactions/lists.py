"""Lists of people from the read side: newest first, in pages, each page with the cards to show."""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self, cast

import numpy as np
from redis.asyncio import Redis

from contracts import events_pb2 as events
from features.eligibility import age
from features.person_row import PersonTail, decode_heads, decode_tail, person_row_key
from features.wire import Part, packed, round_trip
from interactions import keys
from interactions.cursors import CursorInvalid
from interactions.scripts import Script, run_all

PAGE: Final = Script("page.lua")
_PLACE: Final = struct.Struct("<dq")
_EPOCH_DAY: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """The last entry of a page: score as Redis writes it, and person."""

    score: str
    person: int

    def pack(self) -> bytes:
        """Of one length, whoever it is."""
        return _PLACE.pack(float(self.score), self.person)

    @classmethod
    def unpack(cls, content: bytes) -> Self:
        """Raises CursorInvalid."""
        try:
            score, person = _PLACE.unpack(content)
        except struct.error:
            raise CursorInvalid from None
        return cls(f"{score:.3f}", person)


@dataclass(frozen=True, slots=True)
class Entry:
    """One person of a list, as a card shows them."""

    person: int
    at: datetime
    age: int
    shown: PersonTail


@dataclass(frozen=True, slots=True)
class Page:
    """`count` is of the whole list; `next` is None on the last page; `tier` is the viewer's."""

    entries: tuple[Entry, ...]
    count: int
    next: Place | None
    tier: int


async def read_page(
    redis: Redis,
    key: str,
    viewer: int,
    size: int,
    after: Place | None,
    now: datetime,
    hidden_too: bool,
) -> Page:
    """A page of a sorted set of people. Blocked and withdrawn people, those without a row, and
    hidden or paused ones unless `hidden_too`, are left out, so a page may be shorter than `size`
    though another follows."""
    arguments: list[Part] = [size, after.score if after else "", after.person if after else ""]
    commands = [PAGE.call([key], arguments), packed(b"GET", keys.tier(viewer).encode())]
    reply, tier = await run_all(redis, [PAGE], commands)
    count, *flat = cast("list[bytes | int]", reply)
    people = [int(member) for member in flat[::2]]
    scores = [float(score) for score in flat[1::2]]
    last = Place(f"{scores[-1]:.3f}", people[-1]) if len(people) == size else None
    entries = await _entries(redis, viewer, people, scores, now, hidden_too)
    return Page(entries, int(count), last, int(cast("bytes | None", tier) or events.TIER_FREE))


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
