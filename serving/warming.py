"""A release is warm before it is reported ready: nobody's deck is the first to go this way."""

from typing import Final
from uuid import UUID

import numpy as np
import numpy.typing as npt

from contracts.ranking import Constraints, RankRequest
from features.release import Release
from serving.background import quietly
from serving.pipeline import Loaded, rank
from serving.store import Online

_VIEWERS: Final = 8
_SIZE: Final = 20
_PAGE: Final = 4096
# What decks read of people anywhere in the table; of the rest they read a few rows each.
_READ: Final = (
    *("candidate_vectors", "taste", "appeal", "given_rate", "received_rate", "line"),
    *("price_knots", "price_nats"),
)


async def warm(online: Online, loaded: Loaded, today: int) -> None:
    """Map the pages that decks read, then rank for people from all over the table, whole: search,
    reads, scores, draw, reasons, encoding. Raises what Redis does."""
    await quietly(_touch, loaded.release)
    people = len(loaded.release.arrays.person_id)
    for row in range(0, people, max(1, people // _VIEWERS)):
        (await rank(online, loaded, request_of(loaded, row, today))).encoded()


def request_of(loaded: Loaded, row: int, today: int) -> RankRequest:
    """A deck for the person of a row, by their own limits."""
    person = loaded.release.arrays.columns[row]
    x, y, z = (float(person[axis]) for axis in "xyz")
    return RankRequest(
        viewer=int(person["person_id"]),
        release=loaded.id,
        size=_SIZE,
        deck_id=UUID(int=row),
        constraints=Constraints(
            latitude=float(np.degrees(np.arctan2(z, np.hypot(x, y)))),
            longitude=float(np.degrees(np.arctan2(y, x))),
            birth_day=int(person["birth_day"]),
            gender=int(person["gender"]),
            seeks_mask=int(person["seeks"]),
            age_min=int(person["age_min"]),
            age_max=int(person["age_max"]),
            max_distance_km=float(person["max_distance_km"]),
        ),
        today=today,
    )


def _touch(release: Release) -> int:
    """Read a byte of each page, so that no search waits for a disk."""
    return sum(_touched(getattr(release.arrays, name)) for name in _READ)


def _touched(array: npt.NDArray[np.generic]) -> int:
    flat = np.asarray(array).reshape(-1).view(np.uint8)
    return int(flat[::_PAGE].sum(dtype=np.int64))
