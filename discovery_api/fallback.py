"""A deck without the ranker: people of the cells around the viewer, the nearest cells first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
MOST_LOOKED_AT: Final = 4_000
"""So many rows are read at most: whoever finds few eligible people must not cost a whole city."""
_RINGS_READ: Final = (2, 8, 13, 17, 20, 23, 25)
"""Up to which ring each round trip reads: 19 cells, and then 200 to 400 at a time."""
_RING_KM: Final = 4.0
"""Less than a disk of res-6 cells grows by with each ring, in any direction and anywhere."""
_REACH_KM: Final = _RINGS_READ[-1] * _RING_KM
_LOOK_AT: Final = 400


@dataclass(frozen=True, slots=True)
class Gathered:
    """Eligible people, nearest cells first; `whole` if there are certainly no others."""

    looked: Looked
    whole: bool


async def gather(redis: Redis, asker: Asker, size: int, today: int, now: datetime) -> Gathered:
    """Up to `size` eligible people: nearest cells first, latest active first within a cell.

    Reads strides of rings and stops when there are enough, or 4,000 people were looked at; at most
    25 rings (over 100 km) and so 24 round trips. Same constraints and last look as any deck.
    """
    parts = [await store.look(redis, asker, np.empty(0, np.int64), now)]
    known: set[int] = set()
    whole = asker.viewer.max_distance_km <= _REACH_KM
    for cells in _strides(asker):
        people = await store.people_in_cells(redis, cells, MOST_OF_A_CELL)
        fresh, every = _new(people, known)
        whole = whole and every and all(len(each) < MOST_OF_A_CELL for each in people)
        for start in range(0, len(fresh), _LOOK_AT):
            looked = await store.look(redis, asker, fresh[start : start + _LOOK_AT], now)
            parts.append(looked.take(np.flatnonzero(looked.standing(asker.viewer, today))))
            if sum(len(part.ids) for part in parts) >= size:
                first = Looked.joined(parts).take(np.arange(size, dtype=np.int64))
                return Gathered(first, whole=False)
        if not every:
            break
    return Gathered(Looked.joined(parts), whole)


def _strides(asker: Asker) -> Iterator[list[int]]:
    """Cells around the viewer as they are read at once, in each the nearest first."""
    here = asker.latitude, asker.longitude
    origin = h3.latlng_to_cell(*here, store.CELL_RESOLUTION)
    # Two more, since the viewer is not in the middle of their cell.
    last = min(_RINGS_READ[-1], int(asker.viewer.max_distance_km / _RING_KM) + 2)
    inner: set[int] = set()
    for ring in (*(each for each in _RINGS_READ if each < last), last):
        disk = set(h3.grid_disk(origin, ring))
        yield sorted(
            disk - inner, key=lambda cell: h3.great_circle_distance(here, h3.cell_to_latlng(cell))
        )
        inner = disk


def _new(people: Sequence[Sequence[int]], known: set[int]) -> tuple[Ints, bool]:
    """Those not met before, in order, and whether these are all of them: see MOST_LOOKED_AT."""
    fresh = [p for p in dict.fromkeys(p for cell in people for p in cell) if p not in known]
    most = MOST_LOOKED_AT - len(known)
    known.update(fresh[:most])
    return np.array(fresh[:most], np.int64), len(fresh) <= most
