"""Wiring of what `features` runs in the process of the consumers."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from features import lake_writer, registry, stream
from features.live_releases import LiveReleases, OpenRelease
from features.release import Release, ReleaseCorrupt
from features.whereabouts import features_of
from gravity.consumer import Subscription
from gravity.kernel import Kernel
from gravity.settings import Settings

WORKER = "stream"
"""The name under which the stream reports a release ready."""


class FeatureStream:
    """The feature stream of one process, and the live releases that it keeps current."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._live = LiveReleases(kernel.redis, _opener(kernel.settings), WORKER)

    def subscriptions(self) -> list[Subscription]:
        """What to consume."""
        return [stream.subscription(features_of(self._kernel), self._live)]

    def background(self, stop: asyncio.Event) -> list[Coroutine[Any, Any, None]]:
        """What to run beside, until `stop`."""
        return [self._live.follow(stop)]


def lake_subscriptions(kernel: Kernel) -> list[Subscription]:
    """The lake's writers."""
    return lake_writer.subscriptions(kernel.settings.lake)


def _opener(settings: Settings) -> OpenRelease:
    folder: Path = settings.home / "releases"

    async def opened(release_id: str) -> Release:
        path = await registry.download(settings.mlflow_url, release_id, folder)
        try:
            return await asyncio.to_thread(Release.open, path)
        except ReleaseCorrupt:
            # It would be found damaged for ever: the next attempt downloads it again.
            await asyncio.to_thread(registry.discard, path)
            raise

    return opened
