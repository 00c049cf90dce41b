"""The events that change who can be found, applied to an overlay from the bus."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from contracts import events_pb2 as events
from contracts.topics import PERSON_ERASED, PROFILE_CHANGED, SAFETY_DECIDED
from features.eligibility import person_table
from gravity.bus import BrokenBus, Consumer, Record
from gravity.bus_engines import engine_of
from serving.overlay import Overlay

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


def apply(overlay: Overlay, records: Sequence[Record], today: int) -> None:
    """Apply records in order; ones that cannot be applied are logged and passed over.

    Whatever is wrong with one: it would stand before all later changes for ever.
    """
    for record in records:
        try:
            _HANDLERS[record.topic](overlay, record.value, today)
        except Exception as error:
            # The error's text may hold what the record says of a person.
            log.error(
                "record skipped",
                extra={
                    "topic": record.topic,
                    "partition": record.partition,
                    "offset": record.offset,
                    "reason": type(error).__name__,
                },
            )


def _profile(overlay: Overlay, value: bytes, today: int) -> None:
    change = events.ProfileChanged.FromString(value)
    if not change.HasField("location"):
        overlay.hide(change.person, change.version)
        return
    wants = change.preferences
    table = person_table(
        [change.person],
        [change.location.latitude],
        [change.location.longitude],
        birth_day=change.birth_day,
        gender=change.gender,
        seeks=sum(1 << gender for gender in set(wants.seeks)),
        age_min=wants.age_min,
        age_max=wants.age_max,
        max_distance_km=wants.max_distance_km,
        visible=change.visibility == events.VISIBILITY_VISIBLE,
    )
    overlay.put(table, change.version, today)


def _safety(overlay: Overlay, value: bytes, today: int) -> None:
    decided = events.SafetyDecided.FromString(value)
    if decided.decision == events.SAFETY_DECISION_LIFTED:
        overlay.restore(decided.person)
    else:
        overlay.withdraw([decided.person])


def _erased(overlay: Overlay, value: bytes, today: int) -> None:
    overlay.erase(events.PersonErased.FromString(value).person)


_HANDLERS: Final[dict[str, Callable[[Overlay, bytes, int], None]]] = {
    PROFILE_CHANGED.name: _profile,
    SAFETY_DECIDED.name: _safety,
    PERSON_ERASED.name: _erased,
}


async def follow(
    overlay: Overlay,
    bus_url: str,
    positions: Positions,
    today: Callable[[], int],
    caught_up: asyncio.Event,
) -> None:
    """Apply changes until cancelled; `caught_up` is set when the bus first has nothing more.

    A bus that is away sets it too: a deck must not wait for it, and the last look guards the deck.
    No error ends it: an overlay that nobody follows would be stale for ever.
    """
    at = dict(positions)
    while True:
        try:
            await _follow(overlay, bus_url, at, today, caught_up)
        except BrokenBus:
            log.warning("the overlay lost the bus", exc_info=True)
        except Exception:
            log.exception("the overlay could not be followed")
        caught_up.set()
        await asyncio.sleep(_BACKOFF_S)


async def _follow(
    overlay: Overlay,
    bus_url: str,
    at: Positions,
    today: Callable[[], int],
    caught_up: asyncio.Event,
) -> None:
    consumer = Consumer.open(bus_url, at, prompt=False)
    try:
        while True:
            records = await consumer.poll(_MOST_RECORDS, _POLL_S)
            apply(overlay, records, today())
            for record in records:
                at[record.topic, record.partition] = record.offset + 1
            if not records:
                caught_up.set()
    finally:
        await consumer.close()
