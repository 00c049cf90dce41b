"""What serving reads from Redis: features of people, and whom the viewer saw since the release."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

import numpy as np
import numpy.typing as npt
from redis.asyncio import Redis

from features import online as layout
from features.keyed import Store
from features.matrix import matrix_of, read_matrix
from features.reader import hmget_commands
from features.release import Release
from features.signature import Signature
from features.wire import packed, round_trip
from serving.people import Fresh, Persons

Ints = npt.NDArray[np.int64]

_OVERLAP: Final = timedelta(hours=1)
"""A swipe's time is set when it is reserved, a little before the one that a release goes by."""


@dataclass(frozen=True, slots=True)
class Online:
    """What serving reads from: everything else in `redis`, people's features in `features`, which
    is the same unless the settings say otherwise."""

    redis: Redis
    features: Store


async def read_viewer(
    online: Online, release: Release, signature: Signature, viewer: int
) -> tuple[Fresh, Ints]:
    """The viewer's features (1,) and the sorted ids that they swiped since the training window.

    One round trip; where features are elsewhere, one to each at the same time.
    """
    since = seen_since(release.manifest.training_window.end)
    swiped = packed(b"ZRANGEBYSCORE", b"seen:{%d}" % viewer, b"%d" % since, b"+inf")
    if online.features is online.redis:
        commands = hmget_commands(layout.entity_keys([viewer]), signature.fields) + swiped
        features, seen = await round_trip(online.redis, commands, 2)
        matrix = matrix_of(signature, [cast("list[bytes | None]", features)])
    else:
        matrix, (seen,) = await asyncio.gather(
            read_matrix(online.features, signature, [viewer]),
            round_trip(online.redis, swiped, 1),
        )
    ids = np.array([int(each) for each in cast("list[bytes]", seen)], np.int64)
    return Fresh.of(matrix), np.sort(ids)


async def read_candidates(online: Online, signature: Signature, persons: Persons) -> Fresh:
    """Features of candidates (m,), in one round trip."""
    return Fresh.of(await read_matrix(online.features, signature, persons.ids))


def seen_since(window_end: datetime) -> int:
    """From when on (epoch seconds) Redis, and until when the release, knows what was seen."""
    return int((window_end - _OVERLAP).timestamp())
