"""The photos of the live releases, asked for when a photo comes: until then nothing is opened."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from redis.asyncio import Redis

from features.live_releases import LIVE_KEY
from features.mlflow_rest import MLflowUnreachable
from features.photo_stream import LivePhotos
from features.wire import run

log = logging.getLogger(__name__)
_AGAIN_S: Final = 30.0

OpenPhotos = Callable[[str], Awaitable[LivePhotos | None]]
"""Fetches a release by its id; None where it was learned without photos."""


class LiveReleasePhotos:
    """Holds what is in `releases:live`, and no more.

    A release that cannot be opened is left out, and tried again after a while; where MLflow is away
    the photos wait.
    """

    def __init__(self, redis: Redis, open_photos: OpenPhotos) -> None:
        self._redis = redis
        self._open = open_photos
        self._held: dict[str, LivePhotos | None] = {}
        # Those that did not open, and when to try again.
        self._missed: dict[str, float] = {}

    async def current(self) -> Mapping[str, LivePhotos]:
        """By release id; of this moment. Raises MLflowUnreachable, Redis's errors."""
        live = {name.decode() for name in await run(self._redis.smembers(LIVE_KEY))}
        self._held = {name: held for name, held in self._held.items() if name in live}
        self._missed = {name: at for name, at in self._missed.items() if name in live}
        for release in sorted(live - self._held.keys()):
            if self._missed.get(release, 0.0) <= time.monotonic():
                await self._add(release)
        return {name: held for name, held in self._held.items() if held is not None}

    async def _add(self, release: str) -> None:
        try:
            self._held[release] = await self._open(release)
        except MLflowUnreachable:
            raise
        except Exception:
            log.warning("release not opened", extra={"release": release}, exc_info=True)
            self._missed[release] = time.monotonic() + _AGAIN_S
        else:
            self._missed.pop(release, None)
