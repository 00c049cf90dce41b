"""Keeping the read side: the matcher's events into Redis, in any order and more than once."""

from collections.abc import Sequence
from typing import Final

import asyncpg
from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import LIKE_RECEIVED, MATCH_CREATED, MATCH_ENDED, SWIPE_RECORDED
from features.wire import packed
from gravity.bus import Record
from gravity.consumer import Subscription
from interactions import keys
from interactions.scripts import Script, run_all

NAME: Final = "read-side"
LIKE: Final = Script("like.lua")
MATCH: Final = Script("match.lua")


def subscription(redis: Redis) -> Subscription:
    """The read side as a consumer."""

    async def handle(_: asyncpg.Connection, records: Sequence[Record]) -> None:
        commands = [command for record in records for command in commands_of(record)]
        await run_all(redis, [LIKE, MATCH], commands)

    topics = (SWIPE_RECORDED, LIKE_RECEIVED, MATCH_CREATED, MATCH_ENDED)
    return Subscription(NAME, topics, handle)


def commands_of(record: Record) -> list[bytes]:
    """What one event writes. Each command is safe to repeat."""
    if record.topic == SWIPE_RECORDED.name:
        return _swiped(events.SwipeRecorded.FromString(record.value))
    if record.topic == LIKE_RECEIVED.name:
        return _liked(events.LikeReceived.FromString(record.value))
    if record.topic == MATCH_CREATED.name:
        return _match(events.MatchCreated.FromString(record.value), ended=0)
    return _match(events.MatchEnded.FromString(record.value), ended=1)


def _swiped(event: events.SwipeRecorded) -> list[bytes]:
    seen, likes = keys.seen(event.swiper).encode(), keys.likes(event.swiper).encode()
    other = b"%d" % event.swiped
    return [
        # Written before the append already; here for a reservation that was given back too early.
        packed(b"ZADD", seen, keys.score(event.occurred_at_ms), other),
        packed(b"ZREM", likes, other),
    ]


def _liked(event: events.LikeReceived) -> list[bytes]:
    return [LIKE.call(like_keys(event.liked), [event.liker, keys.score(event.occurred_at_ms)])]


def _match(event: events.MatchCreated | events.MatchEnded, ended: int) -> list[bytes]:
    arguments = (keys.score(event.occurred_at_ms), 2 * event.episode + ended)
    sides = ((event.low, event.high), (event.high, event.low))
    return [MATCH.call(match_keys(a), [b, *arguments]) for a, b in sides]


def like_keys(person: int) -> list[str]:
    """KEYS of the script LIKE."""
    return [keys.likes(person), keys.seen(person), keys.blocked(person)]


def match_keys(person: int) -> list[str]:
    """KEYS of the script MATCH."""
    return [keys.matches(person), keys.episodes(person), keys.likes(person), keys.blocked(person)]
