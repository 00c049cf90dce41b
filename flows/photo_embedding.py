"""Everybody's photos into the champion space: of each photo once, and only what is new."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from features.media import Media, MediaUnreachable
from features.photo_embeddings import (
    PeoplesPhotos,
    PhotoEmbeddings,
    append_embeddings,
    missing,
    read_embeddings,
    read_photos,
)
from features.photo_network import PhotoNetwork
from features.photo_reading import UNREACHABLE, ReadPhotos, Say, read_pixels
from features.photo_registry import NetworkOfSpace

Ints = npt.NDArray[np.int64]
Float32s = npt.NDArray[np.float32]
# Photos at once: 25 MB of pixels, and what a crash loses.
_AT_ONCE: Final = 2_000
_OUTAGE: Final = 3
"""So many photos that are all unreachable are the media's fault; one or two may be their own."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """How many different photos were embedded, how many people's photos that are, and how many
    could not be used, by reason."""

    photos: int
    rows: int
    refused: dict[str, int]


def embed_missing(
    lake: str | Path, media: Media, space: NetworkOfSpace, now: datetime, say: Say
) -> Embedded:
    """Embed the photos of people of the lake that the space does not have, into the lake.

    Each part is complete when it is written: what a crash left undone is missing the next time.
    Raises NetworkDamaged, MediaUnreachable.
    """
    network = PhotoNetwork.of(space.network_bytes)
    known = read_embeddings(lake, space.space)
    todo = missing(read_photos(lake), known)
    embedded = rows = 0
    refused: Counter[str] = Counter()
    batches, vectors = list(_batches(todo)), _known(todo, known)
    for at, batch in enumerate(batches):
        new = [url for url in batch.urls if url not in vectors]
        photos = read_patiently(media, new)
        for row, vector in zip(photos.rows, network.embed(photos.pixels), strict=True):
            vectors[new[row]] = vector
        append_embeddings(lake, space.space, _rows(batch, vectors, network.width), now)
        embedded += len(photos.rows)
        rows += sum(url in vectors for url in batch.photos.urls.to_pylist())
        refused.update(photos.reasons())
        say(at + 1, len(batches))
    return Embedded(embedded, rows, dict(refused))


def read_patiently(media: Media, urls: list[str], say: Say = lambda done, of: None) -> ReadPhotos:
    """`read_pixels`, and those that were unreachable once more.

    Raises MediaUnreachable where that holds for all of them, and they are more than a few: no photo
    is to blame for that.
    """
    photos = read_pixels(media, urls, say)
    away = [url for url, reason in photos.refused.items() if reason == UNREACHABLE]
    if not away:
        return photos
    again = read_pixels(media, away)
    if len(away) == len(urls) >= _OUTAGE and not len(again.rows):
        raise MediaUnreachable(f"none of {len(urls)} photos could be fetched")
    place = {url: row for row, url in enumerate(urls)}
    rows = np.array([place[away[row]] for row in again.rows], np.int64)
    order = np.argsort(every := np.concatenate((photos.rows, rows)))
    pixels = np.concatenate((photos.pixels, again.pixels))[order]
    refused = {url: why for url, why in photos.refused.items() if why != UNREACHABLE}
    return ReadPhotos(pixels, every[order], refused | dict(again.refused))


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """Some urls, and all people's photos that have one of them."""

    urls: list[str]
    photos: PeoplesPhotos


def _batches(todo: PeoplesPhotos) -> Iterator[_Batch]:
    coded = todo.urls.combine_chunks().dictionary_encode()
    codes = np.asarray(coded.indices.to_numpy(zero_copy_only=False), np.int64)
    order = np.argsort(codes, kind="stable")
    urls = [str(url) for url in coded.dictionary.to_pylist()]
    for start in range(0, len(urls), _AT_ONCE):
        begin, end = np.searchsorted(codes[order], (start, start + _AT_ONCE))
        yield _Batch(urls[start : start + _AT_ONCE], todo.at(order[begin:end]))


def _known(todo: PeoplesPhotos, known: PhotoEmbeddings) -> dict[str, Float32s]:
    """Vectors by url, where another person's photo has it already."""
    wanted = set(todo.urls.unique().to_pylist())
    return {
        str(url): vector
        for url, vector in zip(known.photos.urls.to_pylist(), known.vectors, strict=True)
        if url in wanted
    }


def _rows(batch: _Batch, vectors: dict[str, Float32s], width: int) -> PhotoEmbeddings:
    urls = batch.photos.urls.to_pylist()
    has = np.array([row for row, url in enumerate(urls) if url in vectors], np.int64)
    found = [vectors[str(urls[row])] for row in has.tolist()]
    stacked = np.stack(found) if found else np.zeros((0, width), np.float32)
    return PhotoEmbeddings(batch.photos.at(has), stacked)
