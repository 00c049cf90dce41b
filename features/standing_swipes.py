"""Swipes that stand: those made, less those taken back."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Int64s = npt.NDArray[np.int64]
NEEDED: Final = ("swiper", "swiped", "swiped_at", "taken_back")
"""The columns that tell which stand."""


def standing(events: pa.Table) -> pa.Table:
    """Rows of a table with the columns NEEDED that were not taken back, nor take one back.

    A row that takes a swipe back has its swiper, swiped and `swiped_at`.
    """
    taken_back = events["taken_back"].to_numpy()
    if not taken_back.any():
        return events
    swiper, swiped = (events[name].to_numpy() for name in ("swiper", "swiped"))
    at = events["swiped_at"].cast(pa.timestamp("ms", "UTC")).cast(pa.int64()).to_numpy()
    # Few rows are of a time at which something was taken back: only these are compared whole.
    times = np.unique(at[taken_back])
    close = np.flatnonzero(times[np.minimum(np.searchsorted(times, at), len(times) - 1)] == at)
    swipes = np.stack((swiper[close], swiped[close], at[close]), axis=1)
    _, which = np.unique(swipes, axis=0, return_inverse=True)
    undone = np.isin(which.reshape(-1), which.reshape(-1)[taken_back[close]])
    stays = np.ones(len(at), np.bool_)
    stays[close[undone]] = False
    return events.filter(pa.array(stays))
