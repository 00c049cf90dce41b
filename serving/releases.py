"""The releases that a worker holds: the champion, the one before it, and whatever is served now.

A new one is fetched, verified and warmed beside the others and only then reported ready; one that
is corrupt is refused and nothing changes. `release:serving` in Redis says which one requests are
bound to, so all workers swap at once.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from redis.asyncio import Redis

from contracts.topics import RELEASE_PROMOTED
from features.eligibility import viewer_of
from features.live_releases import ready_key
from features.release import Release, ReleaseCorrupt
from features.signature import Signature
from features.wire import run
from gravity.bus import BrokenBus, Consumer
from serving.changes import follow, positions_of
from serving.exposure import seed_of
from serving.index import ExactIndex, Query
from serving.inputs import SignatureMismatch, check_signature
from serving.live import Live
from serving.overlay import Overlay
from serving.pipeline import Loaded
from serving.ranking import ProductRanker
from serving.why import typical

log = logging.getLogger(__name__)

SERVING_KEY: Final = "release:serving"
WITHDRAWN_KEY: Final = "withdrawn"
_ALIASES: Final = ("champion", "previous")
_POLL_S: Final = 2.0
_REFUSED_FOR_S: Final = 60.0
_CATCH_UP_S: Final = 60.0
_EPOCH_DAY: Final = datetime(1970, 1, 1, tzinfo=UTC)


class ReleaseNotLoaded(Exception):
    """This worker does not hold the release that was asked for."""


class RegistryUnavailable(Exception):
    """The registry does not answer, or has no such release; what is loaded stays."""


class Registry(Protocol):
    """Where releases come from."""

    async def aliases(self) -> Mapping[str, str]:
        """Releases by alias. Raises `RegistryUnavailable`."""
        ...

    async def fetch(self, release: str) -> Path:
        """The release's folder on this machine. Raises `RegistryUnavailable`."""
        ...

    async def discard(self, release: str) -> None:
        """Forget this machine's copy, so that the next `fetch` gets another."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a worker's releases live on. `worker` is its name among those that report ready."""

    registry: Registry
    redis: Redis
    bus_url: str
    clock: Callable[[], datetime]
    worker: str

    def today(self) -> int:
        """Days since 1970-01-01, UTC."""
        return (self.clock() - _EPOCH_DAY).days


@dataclass(frozen=True, slots=True)
class _Held:
    loaded: Loaded
    following: "asyncio.Task[None]"


class Releases:
    """Keeps the right releases loaded; `run` does the work, `get` only looks."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._held: dict[str, _Held] = {}
        self._refused: dict[str, float] = {}
        self._registry_away = False
        self.looked = asyncio.Event()
        """Set once it is known whether there is a release, and it is loaded if there is one."""

    def get(self, release: str) -> Loaded:
        """A loaded release. Raises `ReleaseNotLoaded`."""
        held = self._held.get(release)
        if held is None:
            raise ReleaseNotLoaded(release)
        return held.loaded

    def newest(self) -> Loaded:
        """The one loaded last. Raises `ReleaseNotLoaded` where there is none."""
        if not self._held:
            raise ReleaseNotLoaded("none")
        return list(self._held.values())[-1].loaded

    def loaded(self) -> list[str]:
        """Ids, in the order of loading."""
        return list(self._held)

    def are_followed(self) -> bool:
        """Whether changes still reach every release held."""
        return not any(held.following.done() for held in self._held.values())

    async def run(self) -> None:
        """Follow the registry until cancelled: at once on release.promoted, else every 2 s."""
        consumer = Consumer.open(
            self._around.bus_url, {(RELEASE_PROMOTED.name, 0): 0}, prompt=False
        )
        try:
            while True:
                await self._look()
                try:
                    await consumer.poll(100, _POLL_S)
                except BrokenBus:
                    await asyncio.sleep(_POLL_S)
        finally:
            await consumer.close()
            await self._drop(set(self._held))

    async def _look(self) -> None:
        try:
            await self.refresh()
        except Exception:
            log.warning("could not follow the registry", exc_info=True)
        self.looked.set()

    async def refresh(self) -> None:
        """Load what is missing, drop what nobody asks for any more, report what is ready."""
        wanted = await self._wanted()
        for release in wanted:
            if release not in self._held and not self._is_refused(release):
                await self._load(release)
        if wanted and wanted[0] in self._held:
            await self._drop(set(self._held) - set(wanted))
        for release in self._held:
            # Again each time: Redis may have lost it.
            await run(self._around.redis.sadd(ready_key(release), self._around.worker))

    async def _wanted(self) -> list[str]:
        """The champion first. With the registry away, what is served now."""
        serving = await self._around.redis.get(SERVING_KEY)
        names: list[str | None] = []
        try:
            aliases = await self._around.registry.aliases()
            names.extend(aliases.get(name) for name in _ALIASES)
            self._registry_away = False
        except RegistryUnavailable as error:
            if not self._registry_away:
                log.warning("the registry does not answer", extra={"reason": str(error)})
            self._registry_away = True
            names.extend(self._held)
        names.append(None if serving is None else serving.decode())
        return list(dict.fromkeys(name for name in names if name is not None))

    def _is_refused(self, release: str) -> bool:
        now = asyncio.get_running_loop().time()
        return now - self._refused.get(release, -_REFUSED_FOR_S) < _REFUSED_FOR_S

    async def _load(self, release: str) -> None:
        try:
            path = await self._around.registry.fetch(release)
            opened = await asyncio.to_thread(Release.open, path)
            check_signature(opened.manifest)
        except (ReleaseCorrupt, SignatureMismatch) as error:
            self._refused[release] = asyncio.get_running_loop().time()
            if isinstance(error, ReleaseCorrupt):
                # Another copy may be better; one made for another ranker stays what it is.
                await self._around.registry.discard(release)
            log.error("release refused", extra={"release": release, "reason": str(error)})
            return
        except RegistryUnavailable as error:
            log.warning("release not fetched", extra={"release": release, "reason": str(error)})
            return
        self._held[release] = await self._hold(release, opened)
        log.info("release loaded", extra={"release": release, "people": opened.manifest.people})

    async def _hold(self, release: str, opened: Release) -> _Held:
        around = self._around
        withdrawn = await run(around.redis.smembers(WITHDRAWN_KEY))
        overlay = Overlay(opened, (int(person) for person in withdrawn))
        index = await asyncio.to_thread(ExactIndex, opened, overlay)
        await asyncio.to_thread(_warm, index, opened, around.today())
        caught_up = asyncio.Event()
        positions = positions_of(opened.manifest.bus_positions, around.bus_url)
        live = Live(release, overlay, around.today)
        following = asyncio.create_task(
            follow(live, around.bus_url, around.redis, positions, caught_up)
        )
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(caught_up.wait(), _CATCH_UP_S)
        loaded = Loaded(
            id=release,
            release=opened,
            signature=Signature.of_release(opened.manifest.features, release),
            index=index,
            ranker=ProductRanker(),
            typical=await asyncio.to_thread(typical, opened),
            seed=seed_of(opened.manifest.data_hash),
        )
        return _Held(loaded, following)

    async def _drop(self, releases: set[str]) -> None:
        for release in releases:
            held = self._held.pop(release)
            held.following.cancel()
            # Not `await held.following`: a cancellation of this task would look like the other's.
            await asyncio.wait([held.following])
            with contextlib.suppress(Exception):
                await run(self._around.redis.srem(ready_key(release), self._around.worker))
            log.info("release dropped", extra={"release": release})


def _warm(index: ExactIndex, release: Release, today: int) -> None:
    """Searches from a few places of the table: pages are mapped, caches filled."""
    table = release.arrays.columns
    vector = np.ones(release.arrays.candidate_vectors.shape[1], np.float32)
    for row in range(0, len(table), max(1, len(table) // 8)):
        index.search(Query(viewer_of(table, row), today, vector, (), 200))
