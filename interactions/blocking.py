"""Blocking: obeyed at once everywhere, since the sets are written before the acknowledgement."""

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


async def block(redis: Redis, producer: Producer, viewer: int, person: int, now: datetime) -> None:
    """Block a person for good, in both directions. Safe to repeat.

    Raises SelfBlock, PersonUnknown, and AppendFailed: then the sets are written, but only a
    repetition makes it last. On the bus it travels with the pair's swipes, in their order.
    """
    if viewer == person:
        raise SelfBlock
    if not await redis.exists(person_row_key(person)):
        raise PersonUnknown(person)
    commands = [part for a, b in ((viewer, person), (person, viewer)) for part in _part(a, b)]
    await round_trip(redis, b"".join(commands), len(commands))
    command = events.PairCommand(
        event_id=new_event_id(now),
        occurred_at_ms=int(now.timestamp() * 1000),
        actor=viewer,
        target=person,
        block=events.Block(),
    )
    key = pair_key(viewer, person)
    await producer.append(Message(USER_SWIPES.name, key, command.SerializeToString()))


def _part(person: int, other: int) -> list[bytes]:
    """One side: the other is blocked, and neither a like, a match nor a card any more."""
    member = b"%d" % other
    return [
        packed(b"SADD", keys.blocked(person).encode(), member),
        packed(b"ZREM", keys.likes(person).encode(), member),
        packed(b"ZREM", keys.matches(person).encode(), member),
        packed(b"PUBLISH", keys.changes(person).encode(), b""),
    ]
