"""A person's row in Redis, from the state in Postgres: written before a change is acknowledged.

An older version never replaces a newer one, so that whoever writes late (another request, the
consumer that repairs after a crash) does no harm.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt
from redis.asyncio import Redis

from features.disk_cells import cells_of
from features.eligibility import PERSON_DTYPE, person_table
from features.newest_row import NewRow, head_offset, set_if_newest
from features.news import tell_changed
from features.person_row import (
    HEAD_DTYPE,
    VISIBLE,
    PersonTail,
    cell_key,
    encode_head,
    encode_tail,
    person_row_key,
)
from features.wire import packed, round_trip
from profiles.domain import Location, Person, shown_as

CELL_RESOLUTION: Final = 6
_NOWHERE: Final = float("nan")


def row_of(person: Person) -> bytes:
    """The row; one that was never located is nowhere, and hidden from everybody."""
    location = person.location or Location(_NOWHERE, _NOWHERE)
    heads = encode_head(
        _table(person), location.latitude, location.longitude, person.version, shown_as(person)
    )
    profile = person.profile
    photos = [photo.as_json() for photo in profile.photos]
    tail = PersonTail(profile.name, profile.attributes, photos, person.simulated)
    return heads[0] + encode_tail(tail)


def _table(person: Person) -> npt.NDArray[np.void]:
    """A PERSON_DTYPE table (1,); a place that is not known is the zero vector."""
    preferences, location = person.preferences, person.location
    table = person_table(
        person.person,
        location.latitude if location else 0.0,
        location.longitude if location else 0.0,
        birth_day=person.profile.birth_day,
        gender=person.profile.gender,
        seeks=sum({1 << gender for gender in preferences.seeks}),
        age_min=preferences.age_min,
        age_max=preferences.age_max,
        max_distance_km=preferences.max_distance_km,
    )
    if location is None:
        for axis in "xyz":
            table[axis] = 0.0
    assert table.dtype == PERSON_DTYPE
    return table


async def write_row(redis: Redis, person: Person) -> None:
    """Write the row, unless a newer one is there, and the H3 cell the person is in now; tell it."""
    row = row_of(person)
    (old,) = await set_if_newest(redis, [NewRow(person.person, person.version, row)])
    if old is None:
        return
    commands = [tell_changed(row), *_cell_commands(person, _location(old))]
    await round_trip(redis, b"".join(commands), len(commands))


async def delete_row(redis: Redis, person: int) -> None:
    """Remove row and cell; idempotent. Erasing told those who hold the card."""
    key = person_row_key(person)
    head = await redis.getrange(key, 0, HEAD_DTYPE.itemsize - 1)
    if len(head) == HEAD_DTYPE.itemsize:
        cell = _cell(_location(bytes(head)[head_offset("latitude") :]))
        if cell is not None:
            await redis.zrem(cell, str(person))
    await redis.delete(key)


def _location(raw: bytes) -> Location | None:
    """Coordinates from the two floats of a head, latitude first."""
    if len(raw) < 16:
        return None
    latitude, longitude = np.frombuffer(raw[:16], "<f8").tolist()
    return None if np.isnan(latitude) else Location(latitude, longitude)


def _cell_commands(person: Person, old: Location | None) -> Iterable[bytes]:
    member, now = b"%d" % person.person, b"%d" % int(person.changed_at.timestamp())
    before, after = _cell(old), _cell(person.location)
    if shown_as(person) != VISIBLE:
        # Reaches those who hold the person's card.
        yield packed(b"PUBLISH", b"withdrawn", member)
    if before is not None and before != after:
        yield packed(b"ZREM", before.encode(), member)
    if after is not None:
        yield packed(b"ZADD", after.encode(), b"GT", now, member)


def _cell(location: Location | None) -> str | None:
    if location is None:
        return None
    return cell_key(int(cells_of(location.latitude, location.longitude, CELL_RESOLUTION)[0]))
