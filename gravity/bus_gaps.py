"""Gaps: a record that is read before the one in front of it exists.

The embedded broker gives a batch its offsets before the batch is stored. Where two processes
append to a partition, the second batch may be there before the first: whoever reads on then passes
over acknowledged records. So what lies beyond a gap is held back, and the partition is read again
from the gap on, until it fills. A batch whose broker died in between never comes: after longer
than an append may take the gap is passed. In front of records that are a minute old it is passed at
once, since producers give up long before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from gravity.bus_engines import LONGEST_APPEND_S
from gravity.bus_records import Place, Record

WAIT_S: Final = LONGEST_APPEND_S + 1.5
_LOOK_EVERY_S: Final = 0.05
_OLD_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Gap:
    """Records are missing since `since`. `looked`: from when on the partition is being read again;
    None while it is not read at all, until `look_at`."""

    since: float
    look_at: float
    looked: float | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """A gap that did not fill: no record from `expected` to before `found` was there."""

    topic: str
    partition: int
    expected: int
    found: int


class Gaps:
    """The rule for one reader. `next`: the offset that is read next, by place; it moves with what
    is admitted. `now` is of a monotonic clock, in seconds, `now_ms` since the Unix epoch.
    """

    def __init__(self, positions: Mapping[Place, int]) -> None:
        self.next = dict(positions)
        self.open: dict[Place, Gap] = {}
        self._passed: list[Passed] = []

    def admits(self, record: Record, now: float, now_ms: float) -> bool:
        """Whether the record may be handled; where not, it will be read again."""
        place = (record.topic, record.partition)
        expected = self.next[place]
        if record.offset > expected:
            if record.timestamp_ms > now_ms - _OLD_MS and not self._waited(place, now):
                return False
            self._passed.append(Passed(*place, expected, record.offset))
        if self.open:
            self.open.pop(place, None)
        self.next[place] = record.offset + 1
        return True

    def due(self, now: float) -> dict[Place, int]:
        """Places to be read again now, and from where."""
        places = [p for p, gap in self.open.items() if gap.looked is None and now >= gap.look_at]
        for place in places:
            self.open[place] = replace(self.open[place], looked=now)
        return {place: self.next[place] for place in places}

    def read_again(self, now: float) -> None:
        """Everything is being read again from `next`."""
        self.open = {place: replace(gap, looked=now) for place, gap in self.open.items()}

    def held(self) -> list[Place]:
        """Places that are not to be read now."""
        return [place for place, gap in self.open.items() if gap.looked is None]

    def passed(self) -> list[Passed]:
        """The gaps passed since the last call."""
        passed, self._passed = self._passed, []
        return passed

    def _waited(self, place: Place, now: float) -> bool:
        """Whether the place was read again after the whole wait; if not, it goes on waiting."""
        gap = self.open.get(place)
        if gap is None:
            self.open[place] = Gap(since=now, look_at=now + _LOOK_EVERY_S)
        elif gap.looked is not None:
            if gap.looked >= gap.since + WAIT_S:
                return True
            self.open[place] = Gap(gap.since, now + _LOOK_EVERY_S)
        return False
