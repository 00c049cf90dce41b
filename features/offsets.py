"""Which records of a partition were applied to a person: their source offsets, packed, ascending.

One high-water mark would not do: the relay may publish out of order within what it has in flight,
when the broker refuses one batch and takes the next, and what comes late must still count.
"""

from array import array
from bisect import bisect_left, bisect_right
from typing import Final

OFFSETS_KEPT: Final = 8192
"""How far below the highest source offset single ones are remembered."""


class AppliedOffsets:
    """Offsets of one partition, to be added to. What lies OFFSETS_KEPT or more below the highest
    counts as applied. `packed` is little-endian int64, as `offset_field` holds it."""

    __slots__ = ("_known",)

    def __init__(self, packed: bytes) -> None:
        self._known = array("q", packed)

    def add(self, offset: int) -> bool:
        """Note an offset; False where it was applied before."""
        known = self._known
        if not known or offset > known[-1]:
            known.append(offset)
            del known[: bisect_right(known, offset - OFFSETS_KEPT)]
            return True
        at = bisect_left(known, offset)
        if offset <= known[-1] - OFFSETS_KEPT or known[at] == offset:
            return False
        known.insert(at, offset)
        return True

    def packed(self) -> bytes:
        """The offsets, ascending."""
        return self._known.tobytes()
