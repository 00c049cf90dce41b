"""profile.changed into the views `photos_<release>`: a person's newest photos win, however they
come, and of photos that did not change nothing is read.

Each person is written by compare-and-set, under every live release at once; whoever loses the race
is read again. A photo that cannot be used is counted and left out. Somebody whose photos are all
gone, or of whom none can be used, gets the place of somebody without photos.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol, cast

import asyncpg
import numpy as np
import numpy.typing as npt

from contracts import events_pb2 as events
from contracts.topics import PROFILE_CHANGED
from features import online
from features.compare_and_set import Write, compare_and_set
from features.keyed import Store, ask
from features.photo_embedder import Embedder, Float32s, Seen
from features.photo_marks import (
    MARK_FIELD,
    PHOTOS_OF_PERSON,
    Mark,
    Photos,
    after,
    packed,
    under,
    unpacked,
)
from features.reader import hmget_commands
from features.view_writer import VERSION_FIELD, drop_view
from features.views import Kind, photos
from gravity.bus import Record
from gravity.consumer import Subscription

PHOTOS: Final = "photos"
# One network pass and one transaction: photos take tens of milliseconds each.
_BATCH: Final = 32
# Media that do not answer take their time.
_IDLE_S: Final = 180.0


class PhotoDirections(Protocol):
    """The photos of a release: its space, and the directions in it along which tastes vary."""

    @property
    def space(self) -> str: ...

    @property
    def network_bytes(self) -> bytes: ...

    @property
    def axes(self) -> Float32s: ...

    def coordinates(self, vectors: Float32s, gender: npt.ArrayLike) -> Float32s:
        """Of people (k,) with mean embeddings (k, p) and genders (k,): their photos (k, e)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class LivePhotos:
    """What a live release says of photos; `people_ms`: when its people were as it has them."""

    photos: PhotoDirections
    people_ms: int


class LiveSpaces(Protocol):
    """Knows the live releases that have photos."""

    async def current(self) -> Mapping[str, LivePhotos]:
        """By release id; of this moment."""
        ...


def subscription(store: Store, live: LiveSpaces, embedder: Embedder) -> Subscription:
    """The consumer `photos`: what it writes is in the store before its position moves."""

    async def handle(_: asyncpg.Connection, records: Sequence[Record]) -> None:
        changes = [events.ProfileChanged.FromString(record.value) for record in records]
        applied: set[str] = set()
        # Again for what became live meanwhile: whoever made it so has replayed no batch under way.
        while (now := await live.current()).keys() - applied:
            await apply_photos(store, changes, now, embedder)
            applied |= now.keys()
        # And away again of what retired meanwhile: its view may have been removed before the write.
        for retired in applied - now.keys():
            await drop_view(store, photos(retired), [change.person for change in changes])

    return Subscription(PHOTOS, (PROFILE_CHANGED,), handle, _BATCH, idle_s=_IDLE_S)


async def apply_photos(
    store: Store,
    changes: Iterable[events.ProfileChanged],
    live: Mapping[str, LivePhotos],
    embedder: Embedder,
    again: Sequence[str] = (),
) -> int:
    """Write the photos of the latest change of each person, unless a later one was applied already.

    `again`: releases under which photos are written though they did not change. Returns how many
    people were written. Raises MediaUnreachable, NetworkDamaged.
    """
    latest: dict[int, events.ProfileChanged] = {}
    for change in changes:
        if change.person not in latest or change.version >= latest[change.person].version:
            latest[change.person] = change
    spaces = list({each.photos.space: each.photos for each in live.values()}.values())
    seen: dict[int, Seen] = {}
    written = 0
    due = await _due(store, list(latest.values()), live, again)
    while due:
        # Only now, and once: whoever loses a race writes the next time without looking again.
        urls_of = {
            each.change.person: each.photos.urls
            for each in due
            if each.releases and each.change.person not in seen
        }
        seen |= dict.fromkeys(urls_of, await embedder.embed(urls_of, spaces))
        done = await compare_and_set(store, [_write(each, live, seen) for each in due])
        written += sum(was and bool(each.releases) for each, was in zip(due, done, strict=True))
        lost = [each.change for each, was in zip(due, done, strict=True) if not was]
        due = await _due(store, lost, live, again)
    return written


@dataclass(frozen=True, slots=True)
class _Due:
    """A change that is to be written under `releases`, and what was read before. Where there are
    none it is newer, with the same photos: an older one must know that it comes too late."""

    change: events.ProfileChanged
    photos: Photos
    version: bytes
    mark: Mark
    releases: set[str]


async def _due(
    store: Store,
    changes: Sequence[events.ProfileChanged],
    live: Mapping[str, LivePhotos],
    again: Sequence[str],
) -> list[_Due]:
    """Those of the changes (one a person) that are to be written, and where."""
    if not changes or not live:
        return []
    keys = online.entity_keys([change.person for change in changes])
    pack = partial(hmget_commands, fields=[VERSION_FIELD, MARK_FIELD])
    replies = cast("list[list[bytes | None]]", await ask(store, keys, pack))
    people_ms = {release: each.people_ms for release, each in live.items()}
    found: list[_Due] = []
    for change, (version, field) in zip(changes, replies, strict=True):
        theirs, mark = _photos_of(change), unpacked(field)
        releases = under(mark, theirs, people_ms, again)
        if releases or theirs.version > mark.version:
            found.append(_Due(change, theirs, version or b"", mark, releases))
    return found


def _photos_of(change: events.ProfileChanged) -> Photos:
    urls = tuple(photo.url for photo in change.photos[:PHOTOS_OF_PERSON])
    return Photos(change.version, change.occurred_at_ms, urls, change.gender)


def _write(due: _Due, live: Mapping[str, LivePhotos], seen: Mapping[int, Seen]) -> Write:
    person = due.change.person
    settled = not due.releases or person not in seen[person].unsettled
    fields = {MARK_FIELD: packed(after(due.mark, due.photos, due.releases, settled))}
    (time,) = online.encode_times([due.change.occurred_at_ms])
    for release in due.releases:
        directions = live[release].photos
        vector = seen[person].vectors[directions.space].get(person)
        # Along each direction, 0 is the place of somebody without photos.
        place = np.zeros((1, directions.axes.shape[1]), np.float32)
        if vector is not None:
            place = directions.coordinates(vector[None], [due.change.gender])
        embedding_field, _, time_field = online.view_fields(photos(release))
        fields[embedding_field] = online.encode_column(Kind.FLOAT32_LIST, place)[0]
        fields[time_field] = time
    (key,) = online.entity_keys([person])
    return Write(key, due.version, fields)
