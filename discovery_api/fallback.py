"""A deck without the ranker: people of the cells around the viewer, the nearest cells first."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt
from h3.api import basic_int as h3
from redis.asyncio import Redis

from discovery_api import store
from discovery_api.domain import Asker, Looked

Ints = npt.NDArray[np.int64]

MOST_OF_A_CELL: Final = 200
_MOST_RINGS: Final = 25
_RING_KM: Final = 4.0
"""Less than a disk of res-6 cells grows by with each ring, in any direction and anywhere."""
_LOOK_AT: Final = 400


async def gather(redis: Redis, asker: Asker, size: int, today: int, now: datetime) -> Looked:
    """Up to `size` eligible people: nearest cells first, latest active first within a cell.

    Reads rings of cells in growing strides and stops when there are enough; at most 25 rings
    (over 100 km). Same constraints and the same last look as any deck.
    """
    parts = [await store.look(redis, asker, np.empty(0, np.int64), now)]
    known: set[int] = set()
    for cells in _strides(asker):
        people = await store.people_in_cells(redis, cells, MOST_OF_A_CELL)
        for ids in _new(people, known):
            looked = await store.look(redis, asker, ids, now)
            parts.append(looked.take(np.flatnonzero(looked.standing(asker.viewer, today))))
            if sum(len(part.ids) for part in parts) >= size:
                return Looked.joined(parts).take(np.arange(size, dtype=np.int64))
    return Looked.joined(parts)


def _strides(asker: Asker) -> Iterator[list[int]]:
    """Cells around the viewer, nearest first: ring 0, 1, 2, then several rings at once."""
    here = asker.latitude, asker.longitude
    origin = h3.latlng_to_cell(*here, store.CELL_RESOLUTION)
    last = min(_MOST_RINGS, int(asker.viewer.max_distance_km / _RING_KM) + 1)
    inner: set[int] = set()
    ring = 0
    while ring <= last:
        disk = set(h3.grid_disk(origin, ring))
        yield sorted(
            disk - inner, key=lambda cell: h3.great_circle_distance(here, h3.cell_to_latlng(cell))
        )
        inner = disk
        ring += 1 if ring < 2 else max(1, min(ring // 2, last - ring))


def _new(people: Sequence[Sequence[int]], known: set[int]) -> Iterator[Ints]:
    """Those not met before, in order, some hundreds at a time."""
    fresh = [p for p in dict.fromkeys(p for cell in people for p in cell) if p not in known]
    known.update(fresh)
    for start in range(0, len(fresh), _LOOK_AT):
        yield np.array(fresh[start : start + _LOOK_AT], np.int64)
