"""What discovery reads and keeps in Redis; each function is one round trip."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

import numpy as np
import numpy.typing as npt
from h3.api import basic_int as h3
from pydantic import TypeAdapter
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from discovery_api.domain import Asker, Looked
from discovery_api.why import Why
from features.person_row import (
    HEAD_DTYPE,
    PersonHeads,
    PersonTail,
    cell_key,
    decode_heads,
    decode_tail,
    person_row_key,
)
from features.wire import Reply, packed, round_trip

Ints = npt.NDArray[np.int64]

CELL_RESOLUTION: Final = 6
DECK_TTL: Final = timedelta(minutes=15)
_HEAD_OF: Final = b"*4\r\n$8\r\nGETRANGE\r\n$%%d\r\n%%b\r\n$1\r\n0\r\n$2\r\n%d\r\n" % (
    HEAD_DTYPE.itemsize - 1
)


@dataclass(slots=True)
class StoredCard:
    """One card of a served deck."""

    id: int
    why: list[Why]
    token: str


@dataclass(slots=True)
class StoredDeck:
    """A served deck, kept so that its id gives it again."""

    release: str | None
    policy: str
    exhausted: bool
    expires_at: datetime
    cards: list[StoredCard]


_STORED: Final = TypeAdapter(StoredDeck)


@dataclass(frozen=True, slots=True)
class Opening:
    """What a request begins with: the viewer's head (1,), the release to bind to, a kept deck."""

    heads: PersonHeads
    release: str | None
    deck: StoredDeck | None


async def open_request(redis: Redis, viewer: int, deck_id: str) -> Opening:
    """Read all of it."""
    row, release, deck = await _ask(
        redis,
        packed(b"GET", person_row_key(viewer).encode()),
        packed(b"GET", b"release:serving"),
        packed(b"GET", _deck_key(viewer, deck_id)),
    )
    return Opening(
        heads=decode_heads([cast("bytes | None", row)]),
        release=cast("bytes", release).decode() if release else None,
        deck=_STORED.validate_json(cast("bytes", deck)) if deck else None,
    )


async def look(redis: Redis, asker: Asker, ids: Ints, now: datetime) -> Looked:
    """The last look at candidates (m,); also notes that the viewer is active."""
    viewer = b"{%d}" % asker.viewer.person_id
    texts = [b"%d" % each for each in ids.tolist()]
    commands = [_head_of(text) for text in texts]
    commands.append(_touch(asker, now))
    if texts:
        commands += [
            packed(b"ZMSCORE", b"seen:" + viewer, *texts),
            packed(b"SMISMEMBER", b"blocked:" + viewer, *texts),
            packed(b"SMISMEMBER", b"withdrawn", *texts),
        ]
    replies = await _ask(redis, *commands)
    # Of somebody without a row a range is empty.
    heads = [head or None for head in cast("list[bytes]", replies[: len(texts)])]
    swiped, blocked, withdrawn = replies[len(texts) + 1 :] or ([], [], [])
    return Looked(
        ids=ids,
        heads=decode_heads(heads),
        swiped=np.array([score is not None for score in cast("list[object]", swiped)], np.bool_),
        blocked=np.array(blocked, np.bool_),
        withdrawn=np.array(withdrawn, np.bool_),
    )


def _head_of(person: bytes) -> bytes:
    """Reads the head of a row: of the hundreds looked at only some tens are shown."""
    key = b"person:{%b}" % person
    return _HEAD_OF % (len(key), key)


async def tails(redis: Redis, ids: Sequence[int]) -> list[PersonTail | None]:
    """What cards show of people; None of whoever has no row (any more)."""
    return _tails(await _ask(redis, *_rows_of(ids))) if ids else []


def _rows_of(ids: Sequence[int]) -> list[bytes]:
    return [packed(b"GET", person_row_key(person)) for person in ids]


def _tails(replies: Sequence[Reply]) -> list[PersonTail | None]:
    rows = cast("Sequence[bytes | None]", replies)
    return [None if row is None else decode_tail(row) for row in rows]


async def people_in_cells(redis: Redis, cells: Sequence[int], most: int) -> list[list[int]]:
    """The people of each cell, the latest active first, at most `most` of each."""
    replies = await _ask(
        redis,
        *(packed(b"ZREVRANGE", cell_key(c).encode(), b"0", b"%d" % (most - 1)) for c in cells),
    )
    return [[int(person) for person in cast("list[bytes]", reply)] for reply in replies]


async def keep_deck(
    redis: Redis, viewer: int, deck_id: str, deck: StoredDeck
) -> tuple[StoredDeck | None, list[PersonTail | None]]:
    """Keep a deck under its id, unless there is one: then that one is returned and stays. Also what
    its cards show.

    Whose cards the viewer holds is noted too: when one is withdrawn, the viewer is told.
    """
    value = _STORED.dump_json(deck)
    ttl_ms = b"%d" % int(DECK_TTL.total_seconds() * 1000)
    keeping = packed(b"SET", _deck_key(viewer, deck_id), value, b"NX", b"GET", b"PX", ttl_ms)
    noting = _note_shown(viewer, deck, ttl_ms)
    rows = _rows_of([card.id for card in deck.cards])
    before, *replies = await _ask(redis, keeping, *noting, *rows)
    kept = _STORED.validate_json(cast("bytes", before)) if before else None
    return kept, _tails(replies[len(noting) :])


def _note_shown(viewer: int, deck: StoredDeck, ttl_ms: bytes) -> list[bytes]:
    if not deck.cards:
        return []
    key, channel = b"shown:{%d}" % viewer, b"changes:{%d}" % viewer
    until = b"%d" % int(deck.expires_at.timestamp() * 1000)
    now = b"%d" % int((deck.expires_at - DECK_TTL).timestamp() * 1000)
    held = [part for card in deck.cards for part in (until, b"%d" % card.id)]
    return [
        packed(b"ZREMRANGEBYSCORE", key, b"-inf", now),
        packed(b"ZADD", key, b"GT", *held),
        packed(b"PEXPIRE", key, ttl_ms),
        # Who waits for news of this viewer has to know of the new cards.
        packed(b"PUBLISH", channel, b""),
    ]


def _touch(asker: Asker, now: datetime) -> bytes:
    """Moves the viewer up in their cell, if they are in it: the hidden are not put back."""
    cell = h3.latlng_to_cell(asker.latitude, asker.longitude, CELL_RESOLUTION)
    person, at = b"%d" % asker.viewer.person_id, b"%d" % int(now.timestamp())
    return packed(b"ZADD", cell_key(cell).encode(), b"XX", b"GT", at, person)


def _deck_key(viewer: int, deck_id: str) -> bytes:
    return f"deck:{{{viewer}}}:{deck_id}".encode()


async def _ask(redis: Redis, *commands: bytes) -> list[Reply]:
    """Replies of independent commands, in one round trip. Raises the first error among them."""
    replies = await round_trip(redis, b"".join(commands), len(commands))
    for reply in replies:
        if isinstance(reply, ResponseError):
            raise reply
    return replies
