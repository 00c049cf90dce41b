"""A population in Redis, as imports and streams leave it there: by the same bulk writers."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from redis.asyncio import Redis

from cli.bench.world.population import Population
from cli.bench.world.seen import Seen
from cli.bench.world.source import Source
from contracts import events_pb2 as events
from features.lake_tables import PROFILES
from features.views import BEHAVIOUR
from features.wire import packed, send_all
from features.writer import write_person_rows, write_view

Ints = npt.NDArray[np.int64]

_CHUNK: Final = 20_000
# Before a release's training window ends, with all allowances: nothing of it is recent.
_BEFORE: Final = timedelta(days=2)


async def write_people(
    redis: Redis,
    population: Population,
    source: Source,
    window_end: datetime,
    advance: Callable[[int], None],
) -> None:
    """Write everybody's row, cell, and the views `profile` and `behaviour`, 20,000 at a time.

    `advance` is told how many are done. Factors are the business of the activation.
    """
    at = window_end - _BEFORE
    for start in range(0, len(population), _CHUNK):
        rows = np.arange(start, min(len(population), start + _CHUNK))
        await write_person_rows(redis, redis, profiles_of(population, source, rows, at))
        await _write_behaviour(redis, population, source, rows, at)
        advance(int(rows[-1]) + 1)


def profiles_of(population: Population, source: Source, rows: Ints, at: datetime) -> pa.Table:
    """The people of rows (m,) as profiles (schema PROFILES) that changed at `at`."""
    found = source.profiles.take(population.source[rows])
    table = population.table[rows]
    hidden, shown = int(events.VISIBILITY_HIDDEN), int(events.VISIBILITY_VISIBLE)
    changed: dict[str, Any] = {
        "person": table["person_id"],
        "changed_at": pa.array([at] * len(rows), PROFILES.field("changed_at").type),
        "birth_day": table["birth_day"],
        "max_distance_km": table["max_distance_km"],
        "latitude": population.latitude[rows],
        "longitude": population.longitude[rows],
        "visibility": np.where(table["visible"], shown, hidden),
        # Places of photos are the release's; there are no pictures to embed anew.
        "photos": pa.array([[]] * len(rows), PROFILES.field("photos").type),
    }
    columns = [changed.get(name, found[name]) for name in PROFILES.names]
    return pa.table(columns, names=PROFILES.names).cast(PROFILES)


async def _write_behaviour(
    redis: Redis, population: Population, source: Source, rows: Ints, at: datetime
) -> None:
    """The counts that the rates of the release come from."""
    counts = source.release.arrays.counts[population.source[rows]]
    seconds = int(at.timestamp())
    columns = (*counts.T, np.full(len(rows), seconds))
    await write_view(redis, BEHAVIOUR, population.person_id[rows], columns, seconds * 1000)


async def write_seen(
    redis: Redis, population: Population, seen: Seen, rows: Ints, window_end: datetime
) -> None:
    """Write whom the people of rows (m,) swiped, all of it before the window's end."""
    await _write_seen(redis, population, seen, rows, window_end - _BEFORE)


async def write_seen_since(
    redis: Redis, population: Population, seen: Seen, rows: Ints, window_end: datetime
) -> None:
    """Write whom the people of rows (m,) swiped since the window's end."""
    await _write_seen(redis, population, seen, rows, window_end)


async def _write_seen(
    redis: Redis, population: Population, seen: Seen, rows: Ints, when: datetime
) -> None:
    at = b"%d" % int(when.timestamp())

    def commands() -> Iterator[bytes]:
        for row, viewer in zip(rows.tolist(), population.person_id[rows].tolist(), strict=True):
            ids = seen.of(row).tolist()
            if ids:
                members = [part for person in ids for part in (at, b"%d" % person)]
                yield packed(b"ZADD", b"seen:{%d}" % viewer, *members)

    await send_all(redis, commands())
