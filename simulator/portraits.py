"""Which of the drawings simulated people show, as the photos of their profiles."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.lake_tables import PHOTOS
from simulator import avatars
from simulator.looks import NOBODY

_WITHOUT: Final = 0.05

Ints = npt.NDArray[np.int64]


def draw_portraits(is_woman: npt.NDArray[np.bool_], random: np.random.Generator) -> "pa.Array[Any]":
    """Photos (n,), type PHOTOS: one drawing of their gender for most, none for some."""
    n = len(is_woman)
    number = random.integers(0, avatars.WOMEN, n) + np.where(is_woman, 0, avatars.WOMEN)
    has = random.random(n) >= _WITHOUT
    places = np.concatenate([[0], np.cumsum(has)])
    shown = _pool().take(number[has])
    return pa.ListArray.from_arrays(pa.array(places, pa.int32()), shown, type=PHOTOS)


def drawings_of(photos: "pa.ChunkedArray[Any]") -> Ints:
    """The number of the drawing (n,) that each person's first photo is; NOBODY for another or none.

    `photos` (n,) is a column of type PHOTOS.
    """
    lists: Any = photos.combine_chunks()
    starts = lists.offsets.to_numpy()
    has = np.diff(starts) > 0
    urls = lists.values.field("url").take(pa.array(starts[:-1][has]))
    pool = pa.array([avatars.url(drawing) for drawing in range(avatars.POOL)])
    found = np.full(len(has), NOBODY, np.int64)
    found[has] = pc.index_in(urls, pool).fill_null(NOBODY).to_numpy()
    return found


def _pool() -> "pa.Array[Any]":
    return pa.array(
        [
            {
                "url": avatars.url(drawing),
                "blurhash": avatars.blurhash(drawing),
                "width": avatars.SIDE,
                "height": avatars.SIDE,
            }
            for drawing in range(avatars.POOL)
        ],
        PHOTOS.value_type,
    )
