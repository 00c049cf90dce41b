"""The feature stream: swipes and profile changes into Redis, exact under redelivery.

A person's hash holds beside the features the source offsets that were applied and a version. A
batch is read, reduced and written by compare-and-set, person by person; whoever loses the race
reads again. So effects happen once with any number of consumers, and the position on the bus may
be stored after the fact.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import compress
from typing import Final

import asyncpg

from contracts import events_pb2 as events
from contracts.topics import PERSON_ERASED, PROFILE_CHANGED, SWIPE_RECORDED
from features.forget import forget
from features.keyed import Store
from features.live_releases import LiveReleases
from features.profile_stream import apply_profiles
from features.release import Release
from features.stream_lock import STREAM, hold_off_rebuilds
from features.swipe_state import PARTITIONS, Swipe, after
from features.swipe_store import Changed, Stored, read_states, write_states
from gravity.bus import Record
from gravity.consumer import InvalidRecord, Subscription

_REFOLD_BATCH: Final = 500
# All that an append of the relay brings, as somebody swiped by many is then written once.
_BATCH: Final = 2000
_ACTIONS: Final = frozenset(events.Action.values()[1:])


def subscription(store: Store, live: LiveReleases) -> Subscription:
    """The consumer `features`: what it writes is in the store before its position moves."""

    async def handle(conn: asyncpg.Connection, records: Sequence[Record]) -> None:
        await hold_off_rebuilds(conn)
        by_topic: dict[str, list[Record]] = defaultdict(list)
        for record in records:
            by_topic[record.topic].append(record)
        async with live.held() as releases:
            await apply_swipes(store, map(swipe_of, by_topic[SWIPE_RECORDED.name]), releases)
        changes = map(events.ProfileChanged.FromString, _values(by_topic[PROFILE_CHANGED.name]))
        await apply_profiles(store, list(changes))
        erased = map(events.PersonErased.FromString, _values(by_topic[PERSON_ERASED.name]))
        await forget(store, [event.person for event in erased])

    topics = (SWIPE_RECORDED, PROFILE_CHANGED, PERSON_ERASED)
    return Subscription(STREAM, topics, handle, _BATCH, prompt=True)


def swipe_of(record: Record) -> Swipe:
    """The swipe in a record of swipe.recorded. Raises `InvalidRecord`."""
    event = events.SwipeRecorded.FromString(record.value)
    if not event.HasField("source") or event.source.partition >= PARTITIONS:
        raise InvalidRecord(record, "no source record in user.swipes")
    if event.swiper <= 0 or event.swiped <= 0 or event.action not in _ACTIONS:
        raise InvalidRecord(record, "no swipe of one person on another")
    if event.taken_back and event.swiped_ms <= 0:
        raise InvalidRecord(record, "takes back a swipe of no time")
    return Swipe(
        swiper=event.swiper,
        swiped=event.swiped,
        action=event.action,
        at_ms=event.swiped_ms if event.taken_back else event.occurred_at_ms,
        partition=event.source.partition,
        offset=event.source.offset,
        taken_back_ms=event.occurred_at_ms if event.taken_back else 0,
    )


async def apply_swipes(
    store: Store, swipes: Iterable[Swipe], releases: Mapping[str, Release]
) -> None:
    """Apply each swipe to both people once, ever; one solve a person and release for the batch.

    Swipes of one pair must come in their order, those of different pairs may come in any.
    """
    by_person: dict[int, list[Swipe]] = defaultdict(list)
    partitions: set[int] = set()
    for swipe in swipes:
        by_person[swipe.swiper].append(swipe)
        by_person[swipe.swiped].append(swipe)
        partitions.add(swipe.partition)

    def decide(stored: Stored) -> Changed | None:
        state = after(stored.state, stored.person, by_person[stored.person])
        if state is stored.state:
            return None
        return Changed(stored, state, refolds=state.history != stored.state.history)

    await _until_written(store, list(by_person), sorted(partitions), decide, releases)


async def refold(store: Store, release_id: str, release: Release, persons: Sequence[int]) -> int:
    """Write rates and tastes of people (from their stored history) under a release.

    The activation of a release calls this for everybody who swiped after its window; swipes that
    arrive meanwhile win. People without any swipe are left as they are. Returns how many.
    """
    written = 0
    for start in range(0, len(persons), _REFOLD_BATCH):
        chunk = list(
            dict.fromkeys(int(person) for person in persons[start : start + _REFOLD_BATCH])
        )
        known = set(compress(chunk, release.rows_of(chunk) >= 0))
        written += await _until_written(store, chunk, [], _refolding(known), {release_id: release})
    return written


def _refolding(known: Collection[int]) -> Callable[[Stored], Changed | None]:
    """Renews rates, and tastes of whoever has a history or is `known` to the release: it may have
    learned from swipes that were all taken back since."""

    def decide(stored: Stored) -> Changed | None:
        if not stored.state.event_ms:
            return None
        refolds = bool(stored.state.history) or stored.person in known
        return Changed(stored, stored.state, refolds)

    return decide


async def _until_written(
    store: Store,
    persons: Sequence[int],
    partitions: Sequence[int],
    decide: Callable[[Stored], Changed | None],
    releases: Mapping[str, Release],
) -> int:
    """Read (of the source offsets those of `partitions`), decide and write until nobody is left;
    returns how many people were written.

    It ends: a write fails only because another one to the same person succeeded.
    """
    written = 0
    left = list(persons)
    while left:
        found = map(decide, await read_states(store, left, partitions))
        changes = [change for change in found if change is not None]
        done = await write_states(store, changes, releases)
        written += sum(done)
        left = [c.stored.person for c, was in zip(changes, done, strict=True) if not was]
    return written


def _values(records: Sequence[Record]) -> list[bytes]:
    return [record.value for record in records]
