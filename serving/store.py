"""What serving reads from Redis: features of people, whom the viewer swiped since the release, and
who waits for the viewer's answer."""

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
from features.wire import Reply, packed, round_trip
from serving.people import Fresh, Persons

Ints = npt.NDArray[np.int64]

LIKERS: Final = 512
"""Of the likes that wait for somebody, so many, the latest ones, count in their decks. Some have
100,000: to read and look at all of them would cost more than the rest of a deck, for 200 people who
are ranked."""
_OVERLAP: Final = timedelta(hours=1)
"""A swipe's time is set when it is reserved, a little before the one that a release goes by."""


@dataclass(frozen=True, slots=True)
class Online:
    """What serving reads from: everything else in `redis`, people's features in `features`, which
    is the same unless the settings say otherwise."""

    redis: Redis
    features: Store


@dataclass(frozen=True, slots=True)
class ViewerState:
    """A viewer as Redis has them: their features (1,), and sorted ids of whom they `swiped` since
    the training window and of the `likers` who wait for their answer, at most LIKERS."""

    fresh: Fresh
    swiped: Ints
    likers: Ints


async def read_viewer(
    online: Online, release: Release, signature: Signature, viewer: int
) -> ViewerState:
    """One round trip; where features are elsewhere, one to each at the same time."""
    since = seen_since(release.manifest.training_window.end)
    sets = swiped_command(viewer, since) + likers_command(viewer)
    if online.features is online.redis:
        commands = hmget_commands(layout.entity_keys([viewer]), signature.fields) + sets
        features, swiped, likers = await round_trip(online.redis, commands, 3)
        matrix = matrix_of(signature, [cast("list[bytes | None]", features)])
    else:
        matrix, (swiped, likers) = await asyncio.gather(
            read_matrix(online.features, signature, [viewer]),
            round_trip(online.redis, sets, 2),
        )
    return ViewerState(Fresh.of(matrix), _sorted_ids(swiped), _sorted_ids(likers))


def swiped_command(viewer: int, since: int) -> bytes:
    """Reads whom a viewer swiped from `since` on (epoch seconds)."""
    return packed(b"ZRANGEBYSCORE", b"seen:{%d}" % viewer, b"%d" % since, b"+inf")


def likers_command(viewer: int) -> bytes:
    """Reads who waits for a viewer's answer, the latest LIKERS."""
    return packed(b"ZREVRANGE", b"likes:{%d}" % viewer, b"0", b"%d" % (LIKERS - 1))


def _sorted_ids(members: Reply) -> Ints:
    return np.sort(np.array([int(each) for each in cast("list[bytes]", members)], np.int64))


async def read_candidates(online: Online, signature: Signature, persons: Persons) -> Fresh:
    """Features of candidates (m,), in one round trip."""
    return Fresh.of(await read_matrix(online.features, signature, persons.ids))


def seen_since(window_end: datetime) -> int:
    """From when on (epoch seconds) Redis, and until when the release, knows what was seen."""
    return int((window_end - _OVERLAP).timestamp())
