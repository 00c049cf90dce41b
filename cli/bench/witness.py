"""An independent consumer of match.created: who saw which match first, and when."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from contracts import events_pb2 as events
from contracts.topics import MATCH_CREATED
from gravity import positions
from gravity.bus import Consumer
from gravity.bus_engines import engine_of

_HOLD: Final = "bench"


class Witness:
    """When the first event of each match (low, high) was seen, seconds since 1970."""

    def __init__(self) -> None:
        self.seen_at: dict[tuple[int, int], float] = {}

    async def watch(self, consumer: Consumer) -> None:
        """Read until cancelled."""
        while True:
            records = await consumer.poll(1000, 0.5)
            now = time.time()
            for record in records:
                event = events.MatchCreated.FromString(record.value)
                self.seen_at.setdefault((event.low, event.high), now)


@asynccontextmanager
async def witness(pool: asyncpg.Pool, bus_url: str) -> AsyncIterator[Witness]:
    """Watch from the first match on. None is trimmed before it was seen."""
    places = dict.fromkeys(engine_of(bus_url).places([MATCH_CREATED]), 0)
    async with pool.acquire() as conn:
        await positions.hold(conn, _HOLD, places)
    consumer = Consumer.open(bus_url, places)
    seen = Witness()
    watching = asyncio.create_task(seen.watch(consumer))
    try:
        yield seen
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await consumer.close()
