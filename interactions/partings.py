"""Blocking and unmatching: obeyed at once everywhere, since both sets are written before the
acknowledgement. Whoever parted never meets again, in a deck or in a list."""

from datetime import datetime

from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import USER_SWIPES, pair_key
from features.person_row import person_row_key
from features.wire import packed, round_trip
from gravity.bus import Message, Producer
from gravity.ids import new_event_id
from interactions import keys


class SelfBlock(Exception):
    """Nobody blocks themselves."""


class PersonUnknown(Exception):
    """There is no such person."""


class MatchUnknown(Exception):
    """The two have no match, and none that was ended before."""


async def block(redis: Redis, producer: Producer, viewer: int, person: int, now: datetime) -> None:
    """Block a person for good, in both directions. Safe to repeat.

    Raises SelfBlock, PersonUnknown, and AppendFailed: then the sets are written, but only a
    repetition makes it last.
    """
    if viewer == person:
        raise SelfBlock
    if not await redis.exists(person_row_key(person)):
        raise PersonUnknown(person)
    await _part(redis, producer, _command(viewer, person, now, block=events.Block()))


async def unmatch(
    redis: Redis, producer: Producer, viewer: int, person: int, now: datetime
) -> None:
    """End a match for good. Safe to repeat.

    Raises MatchUnknown, and AppendFailed as `block` does.
    """
    member = b"%d" % person
    commands = (
        packed(b"ZSCORE", keys.matches(viewer).encode(), member),
        packed(b"SISMEMBER", keys.blocked(viewer).encode(), member),
        packed(b"HEXISTS", keys.episodes(viewer).encode(), member),
    )
    standing, parted, ever = await round_trip(redis, b"".join(commands), len(commands))
    # Only of a match that was: nobody learns here by whom they are blocked.
    if standing is None and not (parted and ever):
        raise MatchUnknown
    await _part(redis, producer, _command(viewer, person, now, unmatch=events.Unmatch()))


def _command(
    viewer: int,
    person: int,
    now: datetime,
    block: events.Block | None = None,
    unmatch: events.Unmatch | None = None,
) -> events.PairCommand:
    return events.PairCommand(
        event_id=new_event_id(now),
        occurred_at_ms=int(now.timestamp() * 1000),
        actor=viewer,
        target=person,
        block=block,
        unmatch=unmatch,
    )


async def _part(redis: Redis, producer: Producer, command: events.PairCommand) -> None:
    """Write both sides, then the log: there it travels with the pair's swipes, in their order."""
    a, b = command.actor, command.target
    commands = [*_side(a, b), *_side(b, a)]
    await round_trip(redis, b"".join(commands), len(commands))
    await producer.append(Message(USER_SWIPES.name, pair_key(a, b), command.SerializeToString()))


def _side(person: int, other: int) -> list[bytes]:
    """One side: the other is not to be met, and neither a like, a match nor a card any more."""
    member = b"%d" % other
    return [
        packed(b"SADD", keys.blocked(person).encode(), member),
        packed(b"ZREM", keys.likes(person).encode(), member),
        packed(b"ZREM", keys.matches(person).encode(), member),
        # Who waits for news may hold the card.
        packed(b"PUBLISH", keys.changes(person).encode(), b""),
    ]
