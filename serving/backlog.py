"""What a log held when the reading of it began, and whether all of that has been read."""

from collections.abc import Mapping, Sequence

from gravity.bus import Record
from gravity.bus_records import Place


class Backlog:
    """`ends`: by place, the offset behind the last record there was at `began_s` (since the Unix
    epoch), or, where the bus tells that early, behind one of the last `early_s` seconds before the
    last. `now` is of a monotonic clock.

    Beyond an end told early there is no telling but by reading on: so a place counts as read once
    nothing from before has come for as long. What comes all the time is younger, and no matter.
    """

    def __init__(
        self, ends: Mapping[Place, int], early_s: float, began_s: float, now: float
    ) -> None:
        self._ends = ends
        self._early_s = early_s
        self._began_ms = began_s * 1000
        # When something from before has come last.
        self._old = dict.fromkeys(ends, now)

    def note(self, records: Sequence[Record], now: float) -> None:
        """These have been read."""
        for record in records:
            if record.timestamp_ms < self._began_ms:
                self._old[record.topic, record.partition] = now

    def is_read(self, at: Mapping[Place, int], now: float) -> bool:
        """Whether all places are, with `at` the offsets that are read next."""
        return all(
            at[place] >= end and now - self._old[place] >= self._early_s
            for place, end in self._ends.items()
        )
