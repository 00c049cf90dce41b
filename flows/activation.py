"""A release goes live, step by step; each step may be repeated, so a crash is cured by a rerun.

Order: factors of everybody in Redis → the stream follows the release → whoever swiped since its
window is replayed → (the gate of `flows.features_gate`) → the rankers hold it → (promotion, in
`flows.promotion`) → requests are bound to it. So nobody's last hours are forgotten, no request
waits for a load, and what no ranker can hold never becomes the champion.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from features.app import live_photos
from features.live_releases import (
    LIVE_KEY,
    NEXT_KEY,
    alive_key,
    current_key,
    ready_key,
    refused_key,
)
from features.person_row import person_of_row_key
from features.reader import read
from features.release import Release
from features.stream import refold
from features.views import BEHAVIOUR
from features.whereabouts import features_of
from features.wire import run
from features.writer import write_factors, write_photos
from flows.photo_replay import replay_photos
from gravity.kernel import Kernel

log = logging.getLogger(__name__)
SERVING_KEY: Final = "release:serving"
STREAM: Final = "stream"
RANKER: Final = "ranker"
# On a busy machine it takes a minute and more to read a release of millions.
WAIT_S: Final = 180.0
_POLL_S: Final = 0.1
# Longer than the bus and the lake lag, unless they stood still; a refold too many is harmless.
_LATE: Final = timedelta(hours=1)
# Redis answers others between two pieces: with all at once in line it would answer nobody else.
_READ_BATCH: Final = 500
_SCAN: Final = 1000
# So many are encoded at a time; they are sent in pieces of 64 KB.
_WRITE_BATCH: Final = 20_000
_PERSON_KEYS: Final = "person:*"


class NotFollowed(Exception):
    """Not all of those who must hold the release reported ready in time; it names who did not."""


class SnapshotRefused(Exception):
    """A ranker cannot hold the release; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A registered release and its folder on this machine."""

    id: str
    release: Release


async def live_releases(kernel: Kernel) -> list[str]:
    """Ids of the releases that the stream keeps current."""
    return sorted(name.decode() for name in await run(kernel.redis.smembers(LIVE_KEY)))


async def is_current(kernel: Kernel, release_id: str) -> bool:
    """Whether a release needs no materialisation and no replay: its promotion takes seconds."""
    live = await run(kernel.redis.sismember(LIVE_KEY, release_id))
    return bool(live) and bool(await kernel.redis.exists(current_key(release_id)))


async def materialise(kernel: Kernel, candidate: Candidate) -> int:
    """Write the release's factors of all its people, and photos; returns how many people."""
    arrays, manifest = candidate.release.arrays, candidate.release.manifest
    d = manifest.d
    end_ms = int(manifest.training_window.end.timestamp() * 1000)
    store, written = features_of(kernel), 0
    for start in range(0, len(arrays.person_id), _WRITE_BATCH):
        rows = slice(start, start + _WRITE_BATCH)
        ids, taste = arrays.person_id[rows], np.asarray(arrays.taste[rows])
        written += await write_factors(
            store,
            candidate.id,
            ids,
            taste[:, :d],
            np.asarray(arrays.given_rate[rows]),
            np.asarray(arrays.received_rate[rows]),
            end_ms,
        )
        if manifest.e:
            photo = np.asarray(arrays.appeal[rows])[:, d:]
            await write_photos(store, candidate.id, ids, photo, taste[:, d:], end_ms)
    return written


async def follow(kernel: Kernel, release_id: str, wait_s: float = WAIT_S) -> None:
    """Make the release live and return when the stream applies swipes to it.

    Raises NotFollowed.
    """
    await run(kernel.redis.sadd(LIVE_KEY, release_id))
    await _until_ready(kernel, release_id, STREAM, wait_s)


async def replay(kernel: Kernel, candidate: Candidate) -> int:
    """Renew the factors of everybody who swiped or was swiped since about the window's end, and the
    photos of whoever changed them since.

    The stream must follow the release: what happens from here on is its work. A swipe carries the
    time when it was accepted, and may be applied later: one from before the window's end that was
    not in the lake yet is looked for `_LATE` back. Returns how many.
    """
    end = candidate.release.manifest.training_window.end - _LATE
    persons = await _changed_since(kernel, await everybody(kernel), int(end.timestamp() * 1000))
    written = await refold(features_of(kernel), candidate.id, candidate.release, persons)
    photos = live_photos(candidate.release)
    if photos is not None:
        await replay_photos(kernel, candidate.id, photos)
    await kernel.redis.set(current_key(candidate.id), b"1")
    return written


async def prepare(kernel: Kernel, release_id: str, wait_s: float = WAIT_S) -> None:
    """Have every ranker that serves now, and at least one, hold the release, loaded and warm.

    Raises SnapshotRefused if one of them cannot, NotFollowed if one of them does not in time, or
    there is none; they let go of it then.
    """
    # What was refused before may have been repaired since.
    await kernel.redis.delete(refused_key(release_id))
    await kernel.redis.set(NEXT_KEY, release_id)
    try:
        await _until_ready(kernel, release_id, RANKER, wait_s)
    except BaseException:
        await kernel.redis.delete(NEXT_KEY)
        raise


async def serve(kernel: Kernel, release_id: str) -> None:
    """Bind all requests at once to a release that the rankers hold."""
    await kernel.redis.mset({SERVING_KEY: release_id, NEXT_KEY: release_id})


async def _until_ready(kernel: Kernel, release_id: str, kind: str, wait_s: float) -> None:
    """Wait for all workers of a kind that hold the served release, at most `wait_s`; one must come.

    Without all rankers that live nothing goes on: requests bound to a release that one of them does
    not hold would get the fallback from it. Raises NotFollowed, SnapshotRefused.
    """
    serving = await kernel.redis.get(SERVING_KEY)
    ready: set[bytes] = set()
    missing: set[bytes] = set()

    async def all_ready() -> bool:
        nonlocal ready, missing
        refusals = await run(kernel.redis.hgetall(refused_key(release_id)))
        said = [
            f"{name.decode()}: {why.decode()}"
            for name, why in refusals.items()
            if name.startswith(kind.encode())
        ]
        if said:
            raise SnapshotRefused("; ".join(said))
        # Each time anew: some may die meanwhile.
        known = await _workers(kernel, serving.decode(), kind) if serving else set()
        ready = await _workers(kernel, release_id, kind)
        missing = known - ready
        return bool(ready) and not missing

    if await _within(wait_s, all_ready):
        return
    names = ", ".join(sorted(name.decode() for name in missing)) or f"any {kind}"
    log.warning("release not held by all", extra={"release": release_id, "not_ready": names})
    # Names of streams that died stay: they keep nobody from anything.
    if kind == RANKER or not ready:
        raise NotFollowed(f"release {release_id} is not held by {names} after {wait_s:.0f} s")


async def _workers(kernel: Kernel, release_id: str, kind: str) -> set[bytes]:
    """Those that hold a release; of rankers those that live, and names of the dead are removed."""
    members: set[bytes] = await run(kernel.redis.smembers(ready_key(release_id)))
    names = [name for name in members if name.startswith(kind.encode())]
    if kind != RANKER or not names:
        return set(names)
    live = await run(kernel.redis.mget([alive_key(name.decode()) for name in names]))
    dead = {name for name, lives in zip(names, live, strict=True) if lives is None}
    if dead:
        # One that only stood still reports again within two seconds.
        await run(kernel.redis.srem(ready_key(release_id), *dead))
    return set(names) - dead


async def _within(seconds: float, happened: Callable[[], Awaitable[bool]]) -> bool:
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    while not await happened():
        if loop.time() > ends:
            return False
        await asyncio.sleep(_POLL_S)
    return True


async def everybody(kernel: Kernel) -> npt.NDArray[np.int64]:
    """Ids of all people there are, those who came after the release among them."""
    ids = [
        person_of_row_key(key)
        async for key in kernel.redis.scan_iter(match=_PERSON_KEYS, count=_SCAN)
    ]
    return np.unique(np.array(ids, np.int64))


async def _changed_since(
    kernel: Kernel, persons: npt.NDArray[np.int64], since_ms: int
) -> Sequence[int]:
    changed: list[int] = []
    for start in range(0, len(persons), _READ_BATCH):
        chunk = persons[start : start + _READ_BATCH]
        rows = (await read(features_of(kernel), [BEHAVIOUR], chunk))[BEHAVIOUR.name]
        changed.extend(chunk[rows.event_ms >= since_ms].tolist())
    return changed


def releases_folder(kernel: Kernel) -> Path:
    """Where this machine keeps releases, one folder each."""
    return kernel.settings.home / "releases"
