"""Waiting until what was under way has arrived: log, matcher, outbox, read side.

The end of a partition is found by reading: the embedded broker's watermarks are wrong. What was
appended after the wait began is not waited for.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from contracts.topics import USER_SWIPES, Topic
from gravity.bus import Consumer
from gravity.bus_engines import engine_of
from interactions import matcher, read_updates

_POLL_S: Final = 2.0
_EVERY_S: Final = 0.1
_MOST: Final = 5000
_POSITIONS: Final = "select topic, partition, next_offset from positions where consumer = $1"

Places = Mapping[tuple[str, int], int]


class NotSettled(Exception):
    """Something that was under way did not arrive in time; the message says what."""


@dataclass(frozen=True, slots=True)
class Settling:
    """What a wait needs. `deadline_s` is for each of its three parts."""

    pool: asyncpg.Pool
    bus_url: str
    clock: Callable[[], datetime]
    deadline_s: float

    async def __call__(self) -> None:
        """Return when all that was in the log and in the outbox at the beginning has been applied.

        Raises NotSettled.
        """
        began_ms = int(self.clock().timestamp() * 1000)
        await self._read_by(matcher.NAME, [USER_SWIPES], began_ms)
        newest = await self.pool.fetchval(
            "select max(id) from outbox where lane = $1", matcher.LANE
        )
        await self._until(
            lambda: self._published(newest or 0),
            "the outbox still holds events from before: does a relay run?",
        )
        relayed_ms = int(self.clock().timestamp() * 1000)
        await self._read_by(read_updates.NAME, read_updates.TOPICS, relayed_ms)

    async def _read_by(self, consumer: str, topics: Sequence[Topic], until_ms: int) -> None:
        ends = await self._ends(await self._positions(consumer, topics), until_ms)

        async def passed() -> bool:
            at = await self._positions(consumer, topics)
            return all(at[place] >= end for place, end in ends.items())

        names = ", ".join(topic.name for topic in topics)
        await self._until(passed, f"{consumer} has not read all of {names}: do the consumers run?")

    async def _positions(
        self, consumer: str, topics: Sequence[Topic]
    ) -> dict[tuple[str, int], int]:
        at = engine_of(self.bus_url).places(topics)
        rows = await self.pool.fetch(_POSITIONS, consumer)
        found = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
        return {place: found.get(place, 0) for place in at}

    async def _ends(self, places: Places, until_ms: int) -> dict[tuple[str, int], int]:
        """Behind the last record of each partition that was appended by then."""
        ends: dict[tuple[str, int], int] = {}
        unread = set(places)
        reader = Consumer.open(self.bus_url, places)
        try:
            while unread and (records := await reader.poll(_MOST, _POLL_S)):
                for record in records:
                    place = record.topic, record.partition
                    if record.timestamp_ms > until_ms:
                        unread.discard(place)
                    else:
                        ends[place] = record.offset + 1
        finally:
            await reader.close()
        return ends

    async def _published(self, newest: int) -> bool:
        left = "select count(*) from outbox where lane = $1 and id <= $2"
        return bool(await self.pool.fetchval(left, matcher.LANE, newest) == 0)

    async def _until(self, done: Callable[[], Awaitable[bool]], otherwise: str) -> None:
        ends = time.monotonic() + self.deadline_s
        while not await done():
            if time.monotonic() > ends:
                raise NotSettled(f"after {self.deadline_s:.0f} s {otherwise}")
            await asyncio.sleep(_EVERY_S)
