"""Releases in a Milvus that several workers use: opened by whoever needs them, deleted when nobody
does."""

import asyncio
import hashlib
from collections.abc import Collection
from functools import partial

from features.release import Release
from serving.claims import Claims
from serving.milvus import MilvusIndex, MilvusIndexes
from serving.overlay import Overlay


class MilvusEngine:
    """The indexes that one worker has open; what it holds is told to the others by `claims`."""

    def __init__(self, indexes: MilvusIndexes, claims: Claims) -> None:
        self._indexes = indexes
        self._claims = claims
        self._names: dict[str, str] = {}

    async def open(self, release_id: str, release: Release, overlay: Overlay) -> MilvusIndex:
        """See `Engine.open`: the collection is filled, unless it is there, and loaded."""
        name = name_of(release_id, release)
        await self._claims.take(name, release_id)
        await self._sweep(name)
        index = await asyncio.to_thread(self._indexes.open, name, release, overlay)
        self._names[release_id] = name
        return index

    async def keep(self, releases: Collection[str]) -> None:
        """See `Engine.keep`."""
        self._names = {each: self._names[each] for each in self._names if each in releases}
        coming = set(releases) - set(self._names)
        for name in await self._claims.renew(self._names.values(), coming):
            await self._claims.forget(name, partial(asyncio.to_thread, self._indexes.delete, name))

    async def _sweep(self, name: str) -> None:
        """Drop what workers that died left of it, and this one, if it failed before."""
        drafts = await asyncio.to_thread(self._indexes.drafts, name)
        if drafts:
            # Asked afterwards: whoever made one of them had claimed it before.
            others = await self._claims.others(name)
            await asyncio.to_thread(self._indexes.sweep, name, drafts, others)

    def close(self) -> None:
        """See `Engine.close`."""
        self._indexes.close()


def name_of(release_id: str, release: Release) -> str:
    """A collection's, with a hash of the release's files, since Milvus knows people by their rows:
    a release that was cut again without somebody erased has other rows under the same id."""
    files = repr(sorted(release.manifest.files.items()))
    return f"deck_{release_id}_{hashlib.sha256(files.encode()).hexdigest()[:12]}"
