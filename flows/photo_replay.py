"""Photos that changed while a release was learned, into its view before it is served.

The release has everybody's photos as of its snapshot; from the moment that it is live the consumer
`photos` writes what changes. In between lies the learning, and a while before it that the lake may
have lagged. Of profiles that changed then most have the photos that they had.
"""

import asyncio
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from contracts import events_pb2 as events
from contracts.topics import PROFILE_CHANGED
from features.lake import read_profiles, read_rows
from features.media import MediaUnreachable
from features.photo_embedder import Embedder
from features.photo_marks import PHOTOS_OF_PERSON
from features.photo_stream import PHOTOS, LivePhotos, apply_photos
from features.stream_lock import LakeBehind, until_lake_has_all
from features.whereabouts import features_of
from gravity.kernel import Kernel

log = logging.getLogger(__name__)
_LATE: Final = timedelta(hours=1)
_LAKE_WAIT_S: Final = 30.0
_MEDIA_WAIT_S: Final = 60.0
_AT_ONCE: Final = 200
_AGAIN_S: Final = 1.0
_READ: Final = ("person", "version", "changed_at", "gender", "photos")


async def replay_photos(kernel: Kernel, release_id: str, photos: LivePhotos) -> int:
    """Write photos that changed since about the release's snapshot under it; returns how many
    people's. The release must be live.

    Photos that are not to be had, or not in a minute, are left to the next release: whoever is
    promoted holds up everybody else's promotion.
    """
    async with kernel.pool.acquire() as conn:
        try:
            await until_lake_has_all(conn, _LAKE_WAIT_S, PHOTOS, PROFILE_CHANGED)
        except LakeBehind as error:
            log.warning("some photos are not replayed", extra={"reason": str(error)})
    since = datetime.fromtimestamp(photos.people_ms / 1000, UTC) - _LATE
    changes = await asyncio.to_thread(_changed, kernel.settings.lake, since)
    embedder, written = Embedder(kernel.settings.media), 0
    try:
        async with asyncio.timeout(_MEDIA_WAIT_S):
            for start in range(0, len(changes), _AT_ONCE):
                some = changes[start : start + _AT_ONCE]
                written += await _applied(kernel, release_id, photos, some, embedder)
    except TimeoutError:
        log.warning("some photos are not replayed", extra={"reason": "the media take too long"})
    return written


async def _applied(
    kernel: Kernel,
    release_id: str,
    photos: LivePhotos,
    changes: list[events.ProfileChanged],
    embedder: Embedder,
) -> int:
    """It ends: after some tries the embedder goes on without what is not to be had."""
    live, again = {release_id: photos}, (release_id,)
    while True:
        try:
            return await apply_photos(features_of(kernel), changes, live, embedder, again)
        except MediaUnreachable as error:
            log.warning("photos not to be had", extra={"reason": str(error)})
            await asyncio.sleep(_AGAIN_S)


def _changed(lake: str | Path, since: datetime) -> list[events.ProfileChanged]:
    """The latest profiles, as far as photos go, of whoever has other photos than before a time, or
    another gender."""
    latest: dict[int, dict[str, Any]] = {}
    for row in read_rows(lake, "profiles", since=since, columns=_READ).to_pylist():
        known = latest.get(row["person"])
        if known is None or row["version"] > known["version"]:
            latest[row["person"]] = row
    before = read_profiles(lake, since, ["person", "gender", "photos"])
    of_them = np.isin(before["person"].to_numpy(), np.fromiter(latest, np.int64, len(latest)))
    had = {
        row["person"]: (row["gender"], _urls(row["photos"]))
        for row in before.filter(pa.array(of_them)).to_pylist()
    }
    return list(_events(latest, had))


def _events(
    latest: dict[int, dict[str, Any]], had: dict[int, tuple[int, list[str]]]
) -> Iterator[events.ProfileChanged]:
    for person, row in latest.items():
        urls = _urls(row["photos"])
        if (row["gender"], urls) != had.get(person, (row["gender"], [])):
            yield events.ProfileChanged(
                person=person,
                version=row["version"],
                occurred_at_ms=round(row["changed_at"].timestamp() * 1000),
                gender=row["gender"],
                photos=[events.Photo(url=url) for url in urls],
            )


def _urls(photos: list[dict[str, Any]]) -> list[str]:
    return [photo["url"] for photo in photos[:PHOTOS_OF_PERSON]]
