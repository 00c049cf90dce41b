"""What a viewer is told by GET /v1/changes: matches that began or ended, cards that are withdrawn.

The viewer's stream holds the telling. Matches are written there by the read side (match.lua). A
card is moved there from the cards held when somebody looks and finds it withdrawn (withdraw.lua):
once, and an answer that is lost can be asked for again.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self, cast

from redis.asyncio import Redis

from features.newest_row import head_offset
from features.person_row import VISIBLE, person_row_key
from features.wire import Part, Reply, packed, round_trip
from interactions import keys
from interactions.cursors import CursorInvalid
from interactions.scripts import Script, run_all

CHANGES: Final = Script("changes.lua")
WITHDRAW: Final = Script("withdraw.lua")
_AT_ONCE: Final = 100
_PLACE: Final = struct.Struct("<QQ?")
# A stream goes eight days after its last entry: beyond this nobody knows what was in between.
_LONGEST_ABSENCE_MS: Final = 7 * 24 * 3600 * 1000


@dataclass(frozen=True, slots=True, order=True)
class StreamId:
    """The id of an entry of a Redis stream."""

    ms: int
    number: int

    def __str__(self) -> str:
        return f"{self.ms}-{self.number}"

    @classmethod
    def parse(cls, text: bytes) -> Self:
        ms, _, number = text.partition(b"-")
        return cls(int(ms), int(number))


@dataclass(frozen=True, slots=True)
class Place:
    """How far a viewer was told. `began`: by the clock, when there was no stream yet."""

    at: StreamId
    began: bool = False

    def pack(self) -> bytes:
        return _PLACE.pack(self.at.ms, self.at.number, self.began)

    @classmethod
    def unpack(cls, content: bytes) -> Self:
        """Raises CursorInvalid."""
        try:
            ms, number, began = _PLACE.unpack(content)
        except struct.error:
            raise CursorInvalid from None
        return cls(StreamId(ms, number), began)


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to tell. `kind`: created, ended (`reason` is a `MatchEnd`) or withdrawn."""

    kind: str
    person: int
    at_s: float
    reason: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """What there is to tell after a place, the place after it, and whose cards are held.

    `reset`: not everything since is known, or it may not be named: fetch matches and decks again.
    """

    changes: tuple[Change, ...]
    next: Place
    reset: bool
    held: frozenset[int]

    @property
    def tells(self) -> bool:
        return self.reset or bool(self.changes)


async def look(redis: Redis, viewer: int, after: Place | None, now: datetime) -> Look:
    """What the viewer is to be told; withdrawn cards are found and written first. Without `after`
    nothing is told but the place of now."""
    found = await _read(redis, viewer, after, now)
    gone = await _gone(redis, found.held)
    if gone:
        await _withdraw(redis, viewer, gone, now)
        found = await _read(redis, viewer, after, now)
    entries = [(StreamId.parse(key), fields) for key, fields in found.entries]
    last = found.last
    end = found.beginning if last is None else Place(last)
    held = frozenset(found.held) - gone.keys()
    if after is None:
        return Look((), end, False, held)
    if found.missed(after) or any(fields[b"kind"] == b"reset" for _, fields in entries):
        return Look((), end, True, held)
    told = tuple(_change(fields) for _, fields in entries)
    return Look(told, Place(entries[-1][0]) if entries else after, False, held)


@dataclass(frozen=True, slots=True)
class _Found:
    """The reply of the script CHANGES. `held`: candidate -> blocked."""

    clock: StreamId
    last: StreamId | None
    deleted: StreamId | None
    oldest: StreamId | None
    lost: int
    entries: Sequence[tuple[bytes, Mapping[bytes, bytes]]]
    held: Mapping[int, bool]

    @property
    def beginning(self) -> Place:
        """Where there is no stream yet: before the first entry, which may come this millisecond."""
        return Place(StreamId(self.clock.ms - 1, 0), began=True)

    def missed(self, after: Place) -> bool:
        """Whether entries after the place may be gone."""
        if self.last is None:
            # A stream that was there once has expired or was lost.
            return not after.began or self.clock.ms - after.at.ms > _LONGEST_ABSENCE_MS
        if self.last < after.at or (self.deleted is not None and self.deleted > after.at):
            return True
        if self.oldest is None or self.oldest <= after.at:
            return False
        # Older than the oldest kept: all is well only where the stream began after it.
        younger = self.clock.ms - after.at.ms <= _LONGEST_ABSENCE_MS
        return not (after.began and self.lost == 0 and younger)


async def _read(redis: Redis, viewer: int, after: Place | None, now: datetime) -> _Found:
    names = [key(viewer) for key in (keys.changes, keys.shown, keys.seen, keys.blocked)]
    arguments: list[Part] = [_ms(now), "" if after is None else str(after.at), _AT_ONCE]
    (reply,) = await run_all(redis, [CHANGES], [CHANGES.call(names, arguments)])
    clock, last, deleted, oldest, lost, entries, *held = cast("list[bytes]", reply)
    return _Found(
        clock=StreamId(int(clock), 0),
        last=StreamId.parse(last) if last else None,
        deleted=StreamId.parse(deleted) if deleted else None,
        oldest=StreamId.parse(oldest) if oldest else None,
        lost=int(lost),
        entries=[_entry(entry) for entry in cast("list[list[Reply]]", entries)],
        held={int(c): bool(b) for c, b in zip(held[::2], held[1::2], strict=True)},
    )


def _entry(entry: list[Reply]) -> tuple[bytes, Mapping[bytes, bytes]]:
    key, flat = cast("tuple[bytes, list[bytes]]", entry)
    return key, dict(zip(flat[::2], flat[1::2], strict=True))


def _change(fields: Mapping[bytes, bytes]) -> Change:
    return Change(
        fields[b"kind"].decode(),
        int(fields[b"person"]),
        float(fields[b"at"]),
        int(fields.get(b"reason", b"0")),
    )


async def _gone(redis: Redis, held: Mapping[int, bool]) -> dict[int, bool]:
    """Whose cards do not stand any more -> whether they are erased, and may not be named."""
    if not held:
        return {}
    ids = [b"%d" % candidate for candidate in held]
    place = b"%d" % head_offset("visibility")
    commands = [
        packed(b"SMISMEMBER", keys.WITHDRAWN.encode(), *ids),
        packed(b"SMISMEMBER", keys.ERASED.encode(), *ids),
        *(packed(b"GETRANGE", person_row_key(c).encode(), place, place) for c in held),
    ]
    withdrawn, erased, *visible = await round_trip(redis, b"".join(commands), len(commands))
    flags = zip(
        held.items(),
        cast("list[int]", withdrawn),
        cast("list[int]", erased),
        visible,
        strict=True,
    )
    return {
        candidate: bool(is_erased)
        for (candidate, is_blocked), is_withdrawn, is_erased, seen_as in flags
        if is_blocked or is_withdrawn or is_erased or seen_as != bytes([VISIBLE])
    }


async def _withdraw(redis: Redis, viewer: int, gone: Mapping[int, bool], now: datetime) -> None:
    names = [keys.shown(viewer), keys.changes(viewer)]
    cards = [part for candidate, erased in gone.items() for part in (candidate, int(erased))]
    arguments: list[Part] = [
        keys.score(_ms(now)),
        keys.CHANGES_KEPT,
        keys.CHANGES_TTL_S,
        *cards,
    ]
    await run_all(redis, [WITHDRAW], [WITHDRAW.call(names, arguments)])


def _ms(when: datetime) -> int:
    return int(when.timestamp() * 1000)
