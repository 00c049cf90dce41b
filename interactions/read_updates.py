"""Keeping the read side: the matcher's events into Redis, in any order and more than once."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final, cast

import asyncpg
from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import (
    LIKE_RECEIVED,
    MATCH_CREATED,
    MATCH_ENDED,
    PAIR_ERASED,
    SWIPE_RECORDED,
)
from features.wire import Part, packed, round_trip
from gravity.bus import Record
from gravity.consumer import Subscription
from interactions import keys
from interactions.domain import Pair
from interactions.scripts import Script, run_all

NAME: Final = "read-side"
LIKE: Final = Script("like.lua")
SWIPED: Final = Script("swiped.lua")
TAKEN_BACK: Final = Script("taken_back.lua")
UNLIKED: Final = Script("unliked.lua")
MATCH: Final = Script("match.lua")
FORGET: Final = Script("forget.lua")
SCRIPTS: Final = (LIKE, SWIPED, TAKEN_BACK, UNLIKED, MATCH, FORGET)
# Two arguments each, and one call inside a script takes no more than 7,999.
_BATCH: Final = 2000
KEPT: Final = (keys.CHANGES_KEPT, keys.CHANGES_TTL_S)
TOPICS: Final = (SWIPE_RECORDED, LIKE_RECEIVED, MATCH_CREATED, MATCH_ENDED, PAIR_ERASED)
_MESSAGES: Final = {topic.name: topic.message for topic in TOPICS}

Event = (
    events.SwipeRecorded
    | events.LikeReceived
    | events.MatchCreated
    | events.MatchEnded
    | events.PairErased
)


def subscription(redis: Redis, clock: Callable[[], datetime]) -> Subscription:
    """The read side as a consumer."""

    async def handle(_: asyncpg.Connection, records: Sequence[Record]) -> None:
        told = [event_of(record) for record in records]
        erased = await _erased(redis, sorted({p for e in told for p in _people(pair_of(e))}))
        await run_all(redis, SCRIPTS, list(_commands(told, erased, clock())))

    return Subscription(NAME, TOPICS, handle, _BATCH, prompt=True)


def event_of(record: Record) -> Event:
    """The event in a record of one of the topics."""
    return cast("Event", _MESSAGES[record.topic].FromString(record.value))


def pair_of(event: Event) -> Pair:
    """The two whom an event is about."""
    match event:
        case events.SwipeRecorded():
            return Pair.of(event.swiper, event.swiped)
        case events.LikeReceived():
            return Pair.of(event.liker, event.liked)
        case _:
            return Pair(event.low, event.high)


def _people(pair: Pair) -> tuple[int, int]:
    return pair.low, pair.high


def erased_among(people: Sequence[int]) -> bytes:
    """The command that asks of each whether they are erased; at least one."""
    return packed(b"SMISMEMBER", keys.ERASED.encode(), *(b"%d" % person for person in people))


async def _erased(redis: Redis, people: Sequence[int]) -> frozenset[int]:
    """Who of these is erased: an event about them that comes late must leave nothing behind."""
    if not people:
        return frozenset()
    (flags,) = await round_trip(redis, erased_among(people), 1)
    return frozenset(p for p, gone in zip(people, cast("list[int]", flags), strict=True) if gone)


def _commands(told: Sequence[Event], erased: frozenset[int], now: datetime) -> Iterator[bytes]:
    """What a batch of events writes; swipes of one person, and likes on one, go together."""
    gone: dict[int, None] = {}
    swiped: dict[int, list[Part]] = defaultdict(list)
    likes: dict[int, list[Part]] = defaultdict(list)
    for event in told:
        pair = pair_of(event)
        match event:
            case _ if isinstance(event, events.PairErased) or {pair.low, pair.high} & erased:
                gone |= dict.fromkeys({pair.low, pair.high} & erased)
                yield from forgetting(pair, erased)
            case events.SwipeRecorded(taken_back=True):
                yield from _taken_back(event)
            case events.SwipeRecorded():
                swiped[event.swiper] += (event.swiped, keys.score(event.occurred_at_ms))
            case events.LikeReceived():
                likes[event.liked] += (event.liker, keys.score(event.occurred_at_ms))
            case events.MatchCreated():
                yield from _match(event, 2 * event.episode, events.MATCH_END_UNSPECIFIED)
            case events.MatchEnded():
                yield from _match(event, 2 * event.episode + 1, event.reason)
    for script, names, entries in ((SWIPED, swiped_keys, swiped), (LIKE, like_keys, likes)):
        for person, arguments in entries.items():
            yield script.call(names(person), arguments)
    for person in gone:
        yield deletion(person, now)


def forgetting(pair: Pair, erased: frozenset[int]) -> list[bytes]:
    """Each side of a pair forgets the other; the keys of the erased go as a whole, elsewhere."""
    sides = ((pair.low, pair.high), (pair.high, pair.low))
    return [forgotten_by(a, b) for a, b in sides if a not in erased]


def forgotten_by(person: int, other: int) -> bytes:
    """The person's side forgets the other."""
    return FORGET.call(forget_keys(person), [*KEPT, other])


def deletion(person: int, now: datetime) -> bytes:
    """All keys of an erased person go."""
    return packed(b"DEL", *(key.encode() for key in keys.of_person(person, now)))


def _taken_back(event: events.SwipeRecorded) -> list[bytes]:
    own: list[Part] = [event.swiped, event.swiped_ms, event.waiting_like_ms]
    return [
        TAKEN_BACK.call(taken_back_keys(event.swiper), own),
        UNLIKED.call(unliked_keys(event.swiped), [event.swiper, event.swiped_ms]),
    ]


def _match(event: events.MatchCreated | events.MatchEnded, state: int, reason: int) -> list[bytes]:
    arguments = (keys.score(event.occurred_at_ms), state, reason, 1, *KEPT)
    sides = ((event.low, event.high), (event.high, event.low))
    return [MATCH.call(match_keys(a), [b, *arguments]) for a, b in sides]


def like_keys(person: int) -> list[str]:
    """KEYS of the script LIKE."""
    return [keys.likes(person), keys.seen(person), keys.blocked(person), keys.unliked(person)]


def swiped_keys(person: int) -> list[str]:
    """KEYS of the script SWIPED."""
    return [keys.seen(person), keys.likes(person), keys.rewound(person)]


def taken_back_keys(person: int) -> list[str]:
    """KEYS of the script TAKEN_BACK."""
    return [*swiped_keys(person), keys.unliked(person), keys.blocked(person)]


def unliked_keys(person: int) -> list[str]:
    """KEYS of the script UNLIKED."""
    return [keys.likes(person), keys.unliked(person)]


def match_keys(person: int) -> list[str]:
    """KEYS of the script MATCH."""
    every = (keys.matches, keys.episodes, keys.likes, keys.blocked, keys.changes)
    return [key(person) for key in every]


def forget_keys(person: int) -> list[str]:
    """KEYS of the script FORGET."""
    first = (keys.changes, keys.episodes, keys.shown, keys.blocked, keys.last)
    sets = (keys.seen, keys.likes, keys.matches)
    hashes = (keys.rewound, keys.used, keys.unliked, keys.open_swipes)
    return [key(person) for key in (*first, *sets, *hashes)]
