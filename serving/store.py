"""What serving reads from Redis: features of people, and whom the viewer saw since the release."""

from datetime import datetime, timedelta
from typing import Final, cast

import numpy as np
import numpy.typing as npt
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from features import online
from features.reader import decode, hmget_commands, read
from features.release import Release
from features.views import View
from features.wire import packed, round_trip
from serving.people import Fresh, Persons

Ints = npt.NDArray[np.int64]

_OVERLAP: Final = timedelta(hours=1)
"""A swipe's time is set when it is reserved, a little before the one that a release goes by."""


async def read_viewer(
    redis: Redis, release: Release, view: View, viewer: int
) -> tuple[Fresh, Ints]:
    """The viewer's features (1,) and the sorted ids that they swiped since the training window.

    One round trip.
    """
    since = seen_since(release.manifest.training_window.end)
    commands = hmget_commands(online.entity_keys([viewer]), online.view_fields(view)) + packed(
        b"ZRANGEBYSCORE", b"seen:{%d}" % viewer, b"%d" % since, b"+inf"
    )
    features, seen = await round_trip(redis, commands, 2)
    for reply in (features, seen):
        if isinstance(reply, ResponseError):
            raise reply
    rows = decode([view], [cast("list[bytes | None]", features)], widths=_widths(release))
    ids = np.array([int(each) for each in cast("list[bytes]", seen)], np.int64)
    return Fresh.of(rows[view.name]), np.sort(ids)


async def read_candidates(redis: Redis, release: Release, view: View, persons: Persons) -> Fresh:
    """Features of candidates (m,), in one round trip."""
    found = await read(redis, [view], persons.ids, widths=_widths(release))
    return Fresh.of(found[view.name])


def seen_since(window_end: datetime) -> int:
    """From when on (epoch seconds) Redis, and until when the release, knows what was seen."""
    return int((window_end - _OVERLAP).timestamp())


def _widths(release: Release) -> dict[str, int]:
    return {"taste": release.manifest.d}
