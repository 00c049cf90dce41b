"""Embeddings of people's photos in the lake, and what they say of a person.

A space is one version of the network: vectors of two spaces cannot be compared, so nothing here
reads more than one. A space has parts of its own, which makes reading it cheap and forgetting it
possible.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.lake import append_rows, part_of_import, read_profiles, read_rows
from features.lake_files import delete, paths_in, place_of
from features.lake_tables import PHOTO_EMBEDDINGS
from features.photo_marks import PHOTOS_OF_PERSON

Int64s = npt.NDArray[np.int64]
Float32s = npt.NDArray[np.float32]
_TABLE: Final = "photo_embeddings"
_SPACE: Final = "space"


@dataclass(frozen=True, slots=True, eq=False)
class PeoplesPhotos:
    """Photos (n,) of people, a person's in their order: the person of each and its url."""

    persons: Int64s
    urls: "pa.ChunkedArray[pa.StringScalar]"

    def __len__(self) -> int:
        return len(self.persons)

    def at(self, rows: Int64s) -> "PeoplesPhotos":
        """The photos in some rows (m,)."""
        return PeoplesPhotos(self.persons[rows], self.urls.take(rows))


@dataclass(frozen=True, slots=True, eq=False)
class PhotoEmbeddings:
    """Embeddings (n, p) float32 of photos (n,) in one space."""

    photos: PeoplesPhotos
    vectors: Float32s


@dataclass(frozen=True, slots=True, eq=False)
class PersonVectors:
    """Vectors (k, p) float32 of people (k,), ascending: those of whom a photo is embedded."""

    persons: Int64s
    vectors: Float32s


def read_photos(root: str | Path, until: datetime | None = None) -> PeoplesPhotos:
    """Everybody's photos as of `until`, PHOTOS_OF_PERSON of each at most."""
    return photos_of(read_profiles(root, until, ["person", "photos"]))


def photos_of(profiles: pa.Table) -> PeoplesPhotos:
    """The photos of people (schema PROFILES, a row a person), PHOTOS_OF_PERSON of each at most."""
    counts = np.asarray(pc.list_value_length(profiles["photos"]).to_numpy(), np.int64)
    places = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = np.flatnonzero(places < PHOTOS_OF_PERSON)
    persons = np.repeat(profiles["person"].to_numpy(), counts)[kept]
    urls = pc.struct_field(pc.list_flatten(profiles["photos"]), "url")
    return PeoplesPhotos(np.asarray(persons, np.int64), urls.take(kept))


def read_embeddings(root: str | Path, space: str) -> PhotoEmbeddings:
    """What is embedded in a space, each photo of a person once."""
    rows = read_rows(root, _TABLE, parts=_prefix(space))
    flat = np.asarray(pc.list_flatten(rows["embedding"]).to_numpy(), np.float32)
    vectors = flat.reshape(rows.num_rows, len(flat) // max(1, rows.num_rows))
    photos = PeoplesPhotos(np.asarray(rows["person"].to_numpy(), np.int64), rows["url"])
    _, first = np.unique(_keys(photos)[0], return_index=True)
    kept = np.sort(first)
    return PhotoEmbeddings(photos.at(kept), vectors[kept])


def append_embeddings(
    root: str | Path, space: str, embeddings: PhotoEmbeddings, at: datetime
) -> None:
    """Add embeddings of a space; the same photos again replace themselves."""
    photos, count = embeddings.photos, len(embeddings.photos)
    if not count:
        return
    starts = pa.array(np.arange(count + 1) * embeddings.vectors.shape[1], pa.int32())
    flat = pa.array(np.ascontiguousarray(embeddings.vectors, np.float32).ravel())
    columns = {
        "person": pa.array(photos.persons),
        "url": photos.urls,
        "space": pa.array([space] * count, pa.string()),
        "embedding": pa.ListArray.from_arrays(starts, flat),
        "embedded_at": pa.array([at] * count, PHOTO_EMBEDDINGS.field("embedded_at").type),
    }
    rows = pa.table(columns, schema=PHOTO_EMBEDDINGS)
    append_rows(root, _TABLE, rows, part_of_import(f"{_SPACE}{space}-{_digest(photos)}", 0))


def forget_spaces(root: str | Path, keep: Collection[str]) -> int:
    """Delete what is embedded in other spaces; returns how many files went."""
    place = place_of(root).within(_TABLE)
    kept = tuple(map(_prefix, keep))
    # A manifest is the first to go: without its files it would be a broken promise.
    gone = [
        path
        for suffix in (".json", ".parquet")
        for path in paths_in(place, suffix)
        if not Path(path).name.startswith(kept)
    ]
    for path in gone:
        delete(place, path)
    return len(gone)


def person_vectors(photos: PeoplesPhotos, embeddings: PhotoEmbeddings) -> PersonVectors:
    """The mean embedding of each person's photos, of those that they have now and are embedded."""
    wanted, embedded = _keys(photos, embeddings.photos)
    order = np.argsort(embedded)
    at = np.searchsorted(embedded, wanted, sorter=order)
    rows = order[np.minimum(at, len(order) - 1)] if len(order) else np.zeros(len(at), np.int64)
    has = embedded[rows] == wanted if len(order) else np.zeros(len(at), np.bool_)
    persons, inverse, counts = np.unique(
        photos.persons[has], return_inverse=True, return_counts=True
    )
    sums = np.zeros((len(persons), embeddings.vectors.shape[1]), np.float32)
    np.add.at(sums, inverse, embeddings.vectors[rows[has]])
    means: Float32s = (sums / counts[:, None]).astype(np.float32)
    return PersonVectors(persons, means)


def missing(photos: PeoplesPhotos, embeddings: PhotoEmbeddings) -> PeoplesPhotos:
    """The photos that are not embedded yet."""
    wanted, embedded = _keys(photos, embeddings.photos)
    return photos.at(np.flatnonzero(~np.isin(wanted, embedded)))


def _keys(*sets: PeoplesPhotos) -> list[Int64s]:
    """A number (n,) for each photo of each set: the same for the same url of the same person."""
    urls = pa.chunked_array([chunk for each in sets for chunk in each.urls.chunks], pa.string())
    code = np.asarray(
        urls.combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False), np.int64
    )
    persons = np.concatenate([each.persons for each in sets])
    _, row = np.unique(persons, return_inverse=True)
    key = row * (int(code.max()) + 1 if len(code) else 1) + code
    return np.split(key, np.cumsum([len(each) for each in sets])[:-1])


def _prefix(space: str) -> str:
    return f"import-{_SPACE}{space}-"


def _digest(photos: PeoplesPhotos) -> str:
    digest = hashlib.sha256(photos.persons.astype("<i8").tobytes())
    digest.update("\0".join(map(str, photos.urls.to_pylist())).encode())
    return digest.hexdigest()[:32]
