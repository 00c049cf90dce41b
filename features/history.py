"""A person's latest swipes that stand, packed into one hash field: what a fold-in looks at.

In order of time, so that the same swipes make the same history however they came.
"""

import struct
from typing import Final

import numpy as np
import numpy.typing as npt

from features.fold_in import HISTORY_LIMIT

__all__ = ["HISTORY_LIMIT", "SWIPE_DTYPE", "newest_s", "unpack", "with_swipe", "without_swipe"]

SWIPE_DTYPE: Final = np.dtype([("candidate", "<i8"), ("action", "u1"), ("at_s", "<u4")])
"""One swipe made; `action` is the contract's number, `at_s` seconds since 1970. Entries ascend by
`at_s`, then by candidate."""

_PACKED: Final = struct.Struct("<qBI")
_WIDTH: Final = SWIPE_DTYPE.itemsize


def unpack(packed: bytes | None) -> npt.NDArray[np.void]:
    """Swipes (m,) SWIPE_DTYPE of a packed history; none where there is nothing."""
    return np.frombuffer(packed or b"", SWIPE_DTYPE)


def with_swipe(packed: bytes, candidate: int, action: int, at_s: int) -> bytes:
    """The history with one swipe more; the oldest falls off beyond HISTORY_LIMIT."""
    end = len(packed)
    # Swipes come nearly in order: the place is at the end, or a few before it.
    while end and _place(packed, end) > (at_s, candidate):
        end -= _WIDTH
    whole = packed[:end] + _PACKED.pack(candidate, action, at_s) + packed[end:]
    return whole[-HISTORY_LIMIT * _WIDTH :]


def without_swipe(packed: bytes, candidate: int, at_s: int) -> bytes:
    """The history without the swipe of that time; the same where it fell off long ago."""
    swipes = unpack(packed)
    kept = (swipes["candidate"] != candidate) | (swipes["at_s"] != at_s)
    return packed if kept.all() else swipes[kept].tobytes()


def newest_s(packed: bytes) -> int:
    """When the latest swipe was made, in seconds; −1 where there is none."""
    return _place(packed, len(packed))[0] if packed else -1


def _place(packed: bytes, end: int) -> tuple[int, int]:
    """What the entry that ends there is sorted by."""
    candidate, _, at_s = _PACKED.unpack_from(packed, end - _WIDTH)
    return at_s, candidate
