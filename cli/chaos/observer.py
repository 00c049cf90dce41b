"""An independent consumer of everything the outbox publishes: what was told, and how often."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import asyncpg

from contracts import events_pb2 as events
from contracts.topics import LIKE_RECEIVED, MATCH_CREATED, MATCH_ENDED, SWIPE_RECORDED
from gravity import positions
from gravity.bus import Consumer, Record
from gravity.bus_engines import engine_of
from gravity.bus_records import Place

Event = TypeVar("Event")

log = logging.getLogger(__name__)
TOPICS: Final = (SWIPE_RECORDED, LIKE_RECEIVED, MATCH_CREATED, MATCH_ENDED)
HOLD: Final = "chaos"
_HOLD_EVERY_S: Final = 5.0
_RETRY_S: Final = 0.5


class Observer:
    """Reads from the first record on, and keeps what it read in memory.

    swipes: event id -> swipe.recorded. matches: event id -> match.created. ended: event id ->
    match.ended. copies: how many records came under an id that was known already.
    """

    def __init__(self) -> None:
        self.swipes: dict[str, events.SwipeRecorded] = {}
        self.matches: dict[str, events.MatchCreated] = {}
        self.ended: dict[str, events.MatchEnded] = {}
        self.likes: dict[str, events.LikeReceived] = {}
        self.copies: Counter[str] = Counter()
        self.next: dict[Place, int] = {}

    def take(self, record: Record) -> None:
        """Note one record."""
        self.next[record.topic, record.partition] = record.offset + 1
        if record.topic == SWIPE_RECORDED.name:
            swipe = events.SwipeRecorded.FromString(record.value)
            self._note(self.swipes, swipe.event_id, swipe, record.topic)
        elif record.topic == MATCH_CREATED.name:
            match = events.MatchCreated.FromString(record.value)
            self._note(self.matches, match.event_id, match, record.topic)
        elif record.topic == MATCH_ENDED.name:
            ended = events.MatchEnded.FromString(record.value)
            self._note(self.ended, ended.event_id, ended, record.topic)
        else:
            like = events.LikeReceived.FromString(record.value)
            self._note(self.likes, like.event_id, like, record.topic)

    def _note(self, known: dict[str, Event], event_id: str, event: Event, topic: str) -> None:
        if event_id in known:
            self.copies[topic] += 1
        known[event_id] = event


@asynccontextmanager
async def observing(pool: asyncpg.Pool, bus_url: str) -> AsyncIterator[Observer]:
    """Observe beside the block. What was not read yet is held back from trimming."""
    observer = Observer()
    observer.next |= dict.fromkeys(engine_of(bus_url).places(TOPICS), 0)
    async with pool.acquire() as conn:
        await positions.hold(conn, HOLD, observer.next)
    tasks = [
        asyncio.create_task(_read(observer, bus_url)),
        asyncio.create_task(_hold(observer, pool)),
    ]
    try:
        yield observer
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _read(observer: Observer, bus_url: str) -> None:
    while True:
        consumer = Consumer.open(bus_url, observer.next)
        try:
            while True:
                for record in await consumer.poll(2000, 0.5):
                    observer.take(record)
        except Exception:
            # The broker may be dead at the moment: it is what we are here for.
            log.info("the observer starts again", exc_info=True)
            await asyncio.sleep(_RETRY_S)
        finally:
            await consumer.close()


async def _hold(observer: Observer, pool: asyncpg.Pool) -> None:
    while True:
        await asyncio.sleep(_HOLD_EVERY_S)
        try:
            async with pool.acquire() as conn:
                await positions.hold(conn, HOLD, dict(observer.next))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            log.info("the hold stays where it was", exc_info=True)
