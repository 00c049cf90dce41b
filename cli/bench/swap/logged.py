"""The impressions of decks, read as they are logged: what the lake has is trimmed from the bus."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from contracts import events_pb2 as events
from contracts.topics import IMPRESSIONS
from gravity.bus import Consumer

_MOST: Final = 500
_POLL_S: Final = 0.5
_SILENT_S: Final = 5.0


@asynccontextmanager
async def reading_impressions(bus_url: str) -> AsyncIterator[dict[str, events.DeckServed]]:
    """By deck id, what is logged while the block runs, and behind it until the log is silent."""
    found: dict[str, events.DeckServed] = {}
    ended = asyncio.Event()
    task = asyncio.create_task(_read(bus_url, found, ended))
    try:
        yield found
        ended.set()
        await task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _read(bus_url: str, found: dict[str, events.DeckServed], ended: asyncio.Event) -> None:
    consumer = Consumer.open(bus_url, {(IMPRESSIONS.name, 0): 0}, prompt=False)
    silent_s = 0.0
    try:
        while not ended.is_set() or silent_s < _SILENT_S:
            records = await consumer.poll(_MOST, _POLL_S)
            silent_s = 0.0 if records else silent_s + _POLL_S
            for record in records:
                served = events.DeckServed.FromString(record.value)
                found[served.deck_id] = served
    finally:
        await consumer.close()
