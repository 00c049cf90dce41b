"""A person's latest swipes, packed into one hash field: what a fold-in looks at."""

from typing import Final

import numpy as np
import numpy.typing as npt

from features.fold_in import HISTORY_LIMIT

__all__ = ["HISTORY_LIMIT", "SWIPE_DTYPE", "unpack"]

SWIPE_DTYPE: Final = np.dtype([("candidate", "<i8"), ("action", "u1")])
"""One swipe made, oldest first; `action` is the contract's number."""


def unpack(packed: bytes | None) -> npt.NDArray[np.void]:
    """Swipes (m,) SWIPE_DTYPE of a packed history; none where there is nothing."""
    return np.frombuffer(packed or b"", SWIPE_DTYPE)
