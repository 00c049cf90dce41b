"""Changing a person: state and profile.changed in one transaction, then the row in Redis.

Only then may the change be acknowledged. Killed in between, the consumer of profile.changed
writes the row from the state.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import asyncpg
from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import PROFILE_CHANGED, person_key
from gravity import outbox
from gravity.bus import Message
from gravity.ids import new_event_id
from profiles import store
from profiles.domain import Change, Person, changed, shown_as
from profiles.rows import delete_row, write_row

LANE = "profiles"


@dataclass(frozen=True, slots=True)
class Changed:
    """The state after a change, and whether there was one before."""

    person: Person
    existed: bool


async def change(
    pool: asyncpg.Pool, redis: Redis, number: int, wanted: Change, now: datetime
) -> Changed:
    """Apply a change. Raises what `domain.changed` raises, and PersonErased."""
    async with pool.acquire() as conn, conn.transaction():
        await store.lock(conn, number)
        before = await store.find(conn, number)
        after = changed(before, number, wanted, now)
        if after is not before:
            await store.save(conn, after)
            await outbox.put(conn, LANE, [message_of(after)])
    # Also where nothing is different: an earlier attempt may have died before this line.
    await write_row(redis, after)
    return Changed(after, before is not None)


async def refresh(conn: asyncpg.Connection, redis: Redis, numbers: Collection[int]) -> None:
    """Make rows in Redis what the state says; idempotent."""
    found = await store.find_many(conn, list(numbers))
    for person in found:
        await write_row(redis, person)
    for number in set(numbers).difference(person.person for person in found):
        await delete_row(redis, number)


def message_of(person: Person) -> Message:
    """profile.changed with the whole state."""
    profile, preferences = person.profile, person.preferences
    event = events.ProfileChanged(
        event_id=new_event_id(person.changed_at),
        occurred_at_ms=int(person.changed_at.timestamp() * 1000),
        person=person.person,
        version=person.version,
        name=profile.name,
        birth_day=profile.birth_day,
        gender=events.Gender.ValueType(profile.gender),
        attributes=profile.attributes,
        photos=[events.Photo(**photo.as_json()) for photo in profile.photos],  # type: ignore[arg-type]
        preferences=events.Preferences(
            seeks=[events.Gender.ValueType(gender) for gender in preferences.seeks],
            age_min=preferences.age_min,
            age_max=preferences.age_max,
            max_distance_km=preferences.max_distance_km,
            exposure=person.exposure,
        ),
        visibility=events.Visibility.ValueType(shown_as(person)),
        simulated=person.simulated,
    )
    if person.location is not None:
        event.location.latitude = person.location.latitude
        event.location.longitude = person.location.longitude
    key = person_key(person.person)
    return Message(PROFILE_CHANGED.name, key, event.SerializeToString())
