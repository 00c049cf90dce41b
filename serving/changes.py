"""What changes who can be found, followed into an overlay: all of it from the bus, and the newest
as news from Redis before."""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Final

from contracts.topics import PERSON_ERASED, PROFILE_CHANGED, SAFETY_DECIDED
from gravity.bus import BrokenBus, Consumer
from gravity.bus_engines import engine_of
from serving.backlog import Backlog
from serving.live import Live
from serving.news import hear

log = logging.getLogger(__name__)

TOPICS: Final = (PROFILE_CHANGED, SAFETY_DECIDED, PERSON_ERASED)
_MOST_RECORDS: Final = 500
_POLL_S: Final = 0.5
_BACKOFF_S: Final = 1.0

Positions = dict[tuple[str, int], int]


def positions_of(bus_positions: Mapping[str, Mapping[int, int]], bus_url: str) -> Positions:
    """Where to begin reading, from a manifest; at the beginning of what it does not name."""
    return {
        (topic, partition): bus_positions.get(topic, {}).get(partition, 0)
        for topic, partition in engine_of(bus_url).places(TOPICS)
    }


async def follow(live: Live, bus_url: str, positions: Positions, caught_up: asyncio.Event) -> None:
    """Apply changes until cancelled; `caught_up` is set once all those are applied that were in any
    partition when this began.

    A bus that is away sets it too: a deck must not wait for it, and the last look guards the deck.
    No error ends it: an overlay that nobody follows would be stale for ever.
    """
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(hear(live))
            group.create_task(_follow_bus(live, bus_url, dict(positions), caught_up))
    finally:
        live.close()


async def _follow_bus(live: Live, bus_url: str, at: Positions, caught_up: asyncio.Event) -> None:
    while True:
        try:
            await _read(live, bus_url, at, caught_up)
        except BrokenBus:
            log.warning("the overlay lost the bus", exc_info=True)
            caught_up.set()
        except Exception:
            log.exception("the overlay could not be followed")
        await asyncio.sleep(_BACKOFF_S)


async def _read(live: Live, bus_url: str, at: Positions, caught_up: asyncio.Event) -> None:
    # News come at once: the bus need not.
    consumer = Consumer.open(bus_url, at, prompt=False)
    try:
        backlog = Backlog(
            await consumer.ends(), engine_of(bus_url).ends_early_s, time.time(), time.monotonic()
        )
        while True:
            records = await consumer.poll(_MOST_RECORDS, _POLL_S)
            await live.apply(records)
            for record in records:
                at[record.topic, record.partition] = record.offset + 1
            backlog.note(records, time.monotonic())
            if backlog.is_read(at, time.monotonic()):
                caught_up.set()
    finally:
        await consumer.close()
