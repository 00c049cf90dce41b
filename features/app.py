"""Wiring of what `features` runs in the process of the consumers."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from features import lake_writer, photo_stream, registry, stream
from features.live_releases import LiveReleases, OpenRelease
from features.photo_embedder import Embedder
from features.photo_releases import LiveReleasePhotos, OpenPhotos
from features.photo_stream import LivePhotos
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


def photo_subscriptions(kernel: Kernel) -> list[Subscription]:
    """The photos of people whose profiles change."""
    live = LiveReleasePhotos(kernel.redis, _photo_opener(kernel.settings))
    embedder = Embedder(kernel.settings.media)
    return [photo_stream.subscription(features_of(kernel), live, embedder)]


def live_photos(release: Release) -> LivePhotos | None:
    """What a release says of photos; None where it was learned without."""
    photos, at = release.photos, release.manifest.snapshot_at
    return None if photos is None else LivePhotos(photos, int(at.timestamp() * 1000))


def _photo_opener(settings: Settings) -> OpenPhotos:
    opener = _opener(settings)

    async def opened(release_id: str) -> LivePhotos | None:
        return live_photos(await opener(release_id))

    return opened


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
