"""People's photos into vectors, one by one as they come: the online half of embedding.

What it needs is loaded by the first photo, and all of it blocks, hence threads.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
from prometheus_client import Counter

from features.media import Media, MediaUnreachable, open_media
from features.photo_network import PhotoNetwork
from features.photo_reading import UNREACHABLE, ReadPhotos, read_pixels

Float32s = npt.NDArray[np.float32]
EMBEDDED: Final = Counter("photos_embedded", "Photos that were embedded as profiles changed.")
REFUSED: Final = Counter("photos_refused", "Photos of profiles that cannot be used.", ["reason"])

# A batch waits for a place that is away, but one broken url must not hold up the others for ever.
_TRIES: Final = 5
_REMEMBERED: Final = 10_000


class Space(Protocol):
    """A space of embeddings: the id of the network, and the network as ONNX."""

    @property
    def space(self) -> str: ...

    @property
    def network_bytes(self) -> bytes: ...


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Mean embeddings (p,) float32 of people by space and id, of those who have a photo that can be
    used; and who has one that was not to be had, now."""

    vectors: Mapping[str, Mapping[int, Float32s]]
    unsettled: Collection[int]


@dataclass(slots=True, eq=False)
class Embedder:
    """Reads from the media at a place; keeps the networks of the spaces it was asked for last."""

    place: str
    _media: Media | None = None
    _networks: dict[str, PhotoNetwork] = field(default_factory=dict)
    _failures: "OrderedDict[str, int]" = field(default_factory=OrderedDict)

    async def embed(self, urls_of: Mapping[int, Sequence[str]], spaces: Sequence[Space]) -> Seen:
        """Embed the photos of people, each once for each space.

        Raises MediaUnreachable if some are not to be had, the first few times; NetworkDamaged.
        """
        if not any(urls_of.values()):
            return Seen({each.space: {} for each in spaces}, ())
        return await asyncio.to_thread(self._embed, urls_of, spaces)

    def _embed(self, urls_of: Mapping[int, Sequence[str]], spaces: Sequence[Space]) -> Seen:
        urls = list(dict.fromkeys(url for urls in urls_of.values() for url in urls))
        self._media = self._media or open_media(self.place)
        photos = read_pixels(self._media, urls)
        self._count(photos)
        self._keep(spaces)
        vectors: dict[str, dict[int, Float32s]] = {}
        for space in spaces:
            embedded = self._networks[space.space].embed(photos.pixels)
            by_url = {urls[row]: each for row, each in zip(photos.rows, embedded, strict=True)}
            vectors[space.space] = means(urls_of, by_url)
        unsettled = {
            person
            for person, own in urls_of.items()
            if any(photos.refused.get(url) == UNREACHABLE for url in own)
        }
        return Seen(vectors, unsettled)

    def _count(self, photos: ReadPhotos) -> None:
        """Raises MediaUnreachable where trying again is worth it."""
        away = [url for url, reason in photos.refused.items() if reason == UNREACHABLE]
        for url in away:
            self._failures[url] = self._failures.pop(url, 0) + 1
        if any(self._failures[url] < _TRIES for url in away):
            raise MediaUnreachable(f"{len(away)} photos, {away[0]} among them")
        while len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)
        for reason, count in photos.reasons().items():
            REFUSED.labels(reason).inc(count)
        EMBEDDED.inc(len(photos.rows))

    def _keep(self, spaces: Sequence[Space]) -> None:
        """Have the networks of these spaces, and no others."""
        self._networks = {
            each.space: self._networks.get(each.space) or PhotoNetwork.of(each.network_bytes)
            for each in spaces
        }


def means(
    urls_of: Mapping[int, Sequence[str]], vectors: Mapping[str, Float32s]
) -> dict[int, Float32s]:
    """The mean vector of each person's photos, of those that have one."""
    found: dict[int, Float32s] = {}
    for person, urls in urls_of.items():
        own = [vectors[url] for url in urls if url in vectors]
        if own:
            found[person] = np.mean(own, axis=0, dtype=np.float32)
    return found
