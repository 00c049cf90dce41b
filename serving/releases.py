"""The releases that a worker holds: the one that is served, and one other.

That is the one to be served next while a promotion is under way, else the champion before. It is
fetched, verified and warmed beside the served one and only then reported ready; one that is corrupt
is refused, with the reason, and nothing changes. `release:serving` in Redis says which one requests
are bound to, so all workers swap at once.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

from features.live_releases import NEXT_KEY, ready_key, refused_key
from features.release import Release, ReleaseCorrupt
from features.signature import Signature
from features.wire import run
from serving.background import quietly
from serving.changes import follow, positions_of
from serving.engines import Engine
from serving.exposure import seed_of
from serving.index import IndexUnavailable
from serving.inputs import SignatureMismatch, check_signature
from serving.live import WITHDRAWN_KEY, Live
from serving.living import living
from serving.overlay import Overlay
from serving.pipeline import Loaded
from serving.store import Online
from serving.warming import warm
from serving.why import typical

log = logging.getLogger(__name__)

SERVING_KEY: Final = "release:serving"
_ALIASES: Final = ("champion", "previous")
_MOST_HELD: Final = 2
_LOOK_S: Final = 2.0
_POLL_S: Final = 0.1
_REFUSED_FOR_S: Final = 60
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
        """The release's folder on this machine. Raises `RegistryUnavailable`, and `ReleaseCorrupt`
        where what it sends is not what the release names."""
        ...

    async def discard(self, release: str) -> None:
        """Forget this machine's copy, so that the next `fetch` gets another."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a worker's releases live on. `worker` is its name among those that report ready, of this
    one process."""

    registry: Registry
    engine: Engine
    online: Online
    bus_url: str
    clock: Callable[[], datetime]
    worker: str

    @property
    def redis(self) -> Redis:
        """Of releases and news."""
        return self.online.redis

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
        self._named: list[bytes | None] = []
        self._registry_away = False
        self._living: asyncio.Task[None] | None = None
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

    def is_living(self) -> bool:
        """Whether the others are still told that this worker lives, once `run` has begun."""
        return self._living is None or not self._living.done()

    async def run(self) -> None:
        """Follow until cancelled: at once what Redis names, every 2 s what the registry does."""
        # Before the first look: what the dead claim to hold counts for nothing (`serving.claims`).
        async with living(self._around.redis, self._around.worker) as self._living:
            try:
                while True:
                    await self._look()
                    await self._told()
            finally:
                await self._drop(set(self._held))

    async def _told(self) -> None:
        """Return when Redis names others than before, after two seconds at the latest."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                while True:
                    await asyncio.sleep(_POLL_S)
                    # While Redis is away it names nobody else.
                    with contextlib.suppress(RedisError):
                        if await self._names() != self._named:
                            return

    async def _names(self) -> list[bytes | None]:
        return await run(self._around.redis.mget(SERVING_KEY, NEXT_KEY))

    async def _look(self) -> None:
        try:
            await self.refresh()
        except Exception:
            log.warning("could not follow the registry", exc_info=True)
        self.looked.set()

    async def refresh(self) -> None:
        """Drop what nobody asks for any more, load what is missing, report what is ready."""
        wanted = await self._wanted()
        if wanted:
            # Before anything is loaded: there is memory for two.
            await self._drop(set(self._held) - set(wanted))
            await self._keep(wanted)
        for release in wanted:
            if release not in self._held:
                await self._load(release)
            self.looked.set()
        for release in self._held:
            # Again each time: Redis may have lost it.
            await run(self._around.redis.sadd(ready_key(release), self._around.worker))

    async def _wanted(self) -> list[str]:
        """Two at most, the served one first. With the registry away, those that are held."""
        self._named = await self._names()
        names = [name.decode() for name in self._named if name is not None]
        if len(set(names)) < _MOST_HELD:
            try:
                aliases = await self._around.registry.aliases()
                names.extend(aliases[name] for name in _ALIASES if name in aliases)
                self._registry_away = False
            except RegistryUnavailable as error:
                if not self._registry_away:
                    log.warning("the registry does not answer", extra={"reason": str(error)})
                self._registry_away = True
                names.extend(self._held)
        return list(dict.fromkeys(names))[:_MOST_HELD]

    async def _load(self, release: str) -> None:
        around = self._around
        # Of this process, which may have dropped it while Redis was away.
        await run(around.redis.srem(ready_key(release), around.worker))
        if await run(around.redis.hexists(refused_key(release), around.worker)):
            return
        try:
            path = await around.registry.fetch(release)
            opened = await quietly(Release.open, path)
            check_signature(opened.manifest)
        except ReleaseCorrupt as error:
            # Another copy may be better; one made for another ranker stays what it is.
            await around.registry.discard(release)
            await self._refuse(release, error)
        except SignatureMismatch as error:
            await self._refuse(release, error)
        except RegistryUnavailable as error:
            log.warning("release not fetched", extra={"release": release, "reason": str(error)})
        else:
            await self._take(release, opened)

    async def _take(self, release: str, opened: Release) -> None:
        try:
            self._held[release] = await self._hold(release, opened)
        except IndexUnavailable as error:
            log.warning("release not indexed", extra={"release": release, "reason": str(error)})
            return
        except (RedisError, OSError):
            raise
        except Exception as error:
            # Of a release that nobody thought of: a promotion is told, and the others are served.
            log.exception("release cannot be held", extra={"release": release})
            await self._refuse(release, error)
            return
        log.info("release loaded", extra={"release": release, "people": opened.manifest.people})

    async def _refuse(self, release: str, error: Exception) -> None:
        """Say so where a promotion looks, and try again in a minute or when it asks to."""
        log.error("release refused", extra={"release": release, "reason": str(error)})
        key, around = refused_key(release), self._around
        await run(around.redis.hset(key, around.worker, f"{type(error).__name__}: {error}"))
        await around.redis.expire(key, _REFUSED_FOR_S)

    async def _hold(self, release: str, opened: Release) -> _Held:
        around = self._around
        withdrawn = await run(around.redis.smembers(WITHDRAWN_KEY))
        overlay = Overlay(opened, (int(person) for person in withdrawn))
        index = await around.engine.open(release, opened, overlay)
        loaded = Loaded(
            id=release,
            release=opened,
            signature=Signature.of_release(opened.manifest.features, release),
            index=index,
            typical=await quietly(typical, opened),
            seed=seed_of(opened.manifest.data_hash),
            newcomers=overlay.newcomers,
        )
        await warm(around.online, loaded, around.today())
        caught_up = asyncio.Event()
        positions = positions_of(opened.manifest.bus_positions, around.bus_url)
        live = Live(release, overlay, around.today, around.redis)
        following = asyncio.create_task(follow(live, around.bus_url, positions, caught_up))
        try:
            async with asyncio.timeout(_CATCH_UP_S):
                await caught_up.wait()
        except TimeoutError:
            log.warning("not caught up with changes", extra={"release": release})
        except BaseException:
            following.cancel()
            raise
        return _Held(loaded, following)

    async def _keep(self, wanted: list[str]) -> None:
        """Each time: a collection may have been left by a worker that died, or be in use still."""
        try:
            await self._around.engine.keep(wanted)
        except (IndexUnavailable, RedisError) as error:
            # Or the lock of a long deletion expired. What is wanted is loaded all the same.
            log.warning("indexes not deleted", extra={"reason": str(error)})

    async def _drop(self, releases: set[str]) -> None:
        for release in releases:
            held = self._held.pop(release)
            held.following.cancel()
            # Not `await held.following`: a cancellation of this task would look like the other's.
            await asyncio.wait([held.following])
            with contextlib.suppress(Exception):
                await run(self._around.redis.srem(ready_key(release), self._around.worker))
            log.info("release dropped", extra={"release": release})
