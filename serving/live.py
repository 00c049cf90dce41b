"""A release's overlay as changes reach it, from the bus or as news over Redis."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError
from prometheus_client import Gauge
from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import PERSON_ERASED, PROFILE_CHANGED, SAFETY_DECIDED
from features.eligibility import PERSON_DTYPE, person_table
from features.profile_code import Profiles
from features.said_rows import profiles_of_changes
from features.wire import run
from gravity.bus import Record
from serving.overlay import Overlay

log = logging.getLogger(__name__)

SHARE: Final = Gauge(
    "overlay_share", "People changed since a release's snapshot, in shares of it.", ["release"]
)
WITHDRAWN_KEY: Final = "withdrawn"
_MOST_SHARE: Final = 0.25
# Applied in one go, some milliseconds: decks wait meanwhile.
_TOGETHER: Final = 100

Table = npt.NDArray[np.void]


@dataclass(slots=True)
class Live:
    """Applies changes to one overlay, and says when there are too many.

    An overlay that overflows stays exact: it is scanned as a whole, so searches become slower until
    a new release takes its place.
    """

    release: str
    overlay: Overlay
    today: Callable[[], int]
    redis: Redis
    _has_overflowed: bool = False
    # Who asks first applies first: what is applied last is the newest.
    _standing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def apply(self, records: Sequence[Record]) -> None:
        """Apply records in their order, and let others work in between.

        One that cannot be applied is logged and passed over, whatever is wrong with it: it would
        stand before all later changes for ever. Raises Redis's errors: then they are to be applied
        again.
        """
        for start in range(0, len(records), _TOGETHER):
            chunk = records[start : start + _TOGETHER]
            try:
                self._apply(chunk)
            except Exception:
                for record in chunk:
                    self._apply_alone(record)
            await self.stand(_lifted(chunk))
            self._measure()
            await asyncio.sleep(0)

    def put(
        self, people: Table, versions: npt.NDArray[np.int64], said: Profiles | None = None
    ) -> None:
        """Apply whole states (m,) PERSON_DTYPE, or none of them where one makes no sense; and what
        these people say of themselves, where that is known."""
        self.overlay.put_many(people, versions, self.today(), said)
        self._measure()

    async def stand(self, persons: Collection[int]) -> None:
        """Apply how persons stand now: those in the set `withdrawn` are gone, the others are not.

        Whatever told of them may be older than another decision. Raises Redis's errors.
        """
        asked = sorted(set(persons))
        if not asked:
            return
        async with self._standing:
            are = await run(self.redis.smismember(WITHDRAWN_KEY, asked))
            for person, is_in in zip(asked, are, strict=True):
                if is_in:
                    self.overlay.withdraw([person])
                else:
                    self.overlay.restore(person)

    def close(self) -> None:
        """Measure it no more."""
        with contextlib.suppress(KeyError):
            SHARE.remove(self.release)

    def _apply(self, records: Sequence[Record]) -> None:
        """All of them, in their order by topic: what one topic says undoes nothing of another's."""
        values: dict[str, list[bytes]] = {topic: [] for topic in _TOPICS}
        for record in records:
            values[record.topic].append(record.value)
        changes = list(map(events.ProfileChanged.FromString, values[PROFILE_CHANGED.name]))
        if changes:
            versions = np.array([change.version for change in changes], np.int64)
            said = profiles_of_changes(changes)
            self.overlay.put_many(_table(changes), versions, self.today(), said)
        decisions = map(events.SafetyDecided.FromString, values[SAFETY_DECIDED.name])
        # Before the set knows it, if need be; whoever is free again is asked for (`stand`).
        self.overlay.withdraw(each.person for each in decisions if not _lifts(each))
        for erased in map(events.PersonErased.FromString, values[PERSON_ERASED.name]):
            self.overlay.erase(erased.person)

    def _apply_alone(self, record: Record) -> None:
        try:
            self._apply([record])
        except Exception as error:
            # The error's text may hold what the record says of a person.
            log.error(
                "record skipped",
                extra={
                    "topic": record.topic,
                    "partition": record.partition,
                    "offset": record.offset,
                    "reason": type(error).__name__,
                },
            )

    def _measure(self) -> None:
        share = self.overlay.share
        SHARE.labels(self.release).set(share)
        overflows = share > _MOST_SHARE
        if overflows and not self._has_overflowed:
            log.error(
                "the overlay has overflowed: a new release is overdue",
                extra={"release": self.release, "people": len(self.overlay), "share": share},
            )
        self._has_overflowed = overflows


def _lifted(records: Sequence[Record]) -> list[int]:
    """Those of whom records that make sense say last that they may be shown again."""
    lifts: dict[int, bool] = {}
    for record in records:
        if record.topic == SAFETY_DECIDED.name:
            with contextlib.suppress(DecodeError):
                decided = events.SafetyDecided.FromString(record.value)
                lifts[decided.person] = _lifts(decided)
    return [person for person, last in lifts.items() if last]


def _lifts(decided: events.SafetyDecided) -> bool:
    return decided.decision == events.SAFETY_DECISION_LIFTED


_TOPICS: Final = (PROFILE_CHANGED.name, SAFETY_DECIDED.name, PERSON_ERASED.name)


def _table(changes: Sequence[events.ProfileChanged]) -> Table:
    """States (m,) PERSON_DTYPE; who has no place is nowhere, and shown to nobody."""
    located = [change for change in changes if change.HasField("location")]
    table = np.zeros(len(changes), PERSON_DTYPE)
    table["person_id"] = [change.person for change in changes]
    table[[change.HasField("location") for change in changes]] = person_table(
        [change.person for change in located],
        [change.location.latitude for change in located],
        [change.location.longitude for change in located],
        birth_day=[change.birth_day for change in located],
        gender=[change.gender for change in located],
        seeks=[_mask(change.preferences.seeks) for change in located],
        age_min=[change.preferences.age_min for change in located],
        age_max=[change.preferences.age_max for change in located],
        max_distance_km=[change.preferences.max_distance_km for change in located],
        visible=[change.visibility == events.VISIBILITY_VISIBLE for change in located],
    )
    return table


def _mask(genders: Collection[int]) -> int:
    return sum(1 << gender for gender in set(genders))
