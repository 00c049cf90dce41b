"""Embeddings in the lake: by space, each once, and gone with the person."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from contracts import events_pb2 as events
from contracts.topics import PROFILE_CHANGED
from features import lake_writer
from features.lake_eraser import erase_people
from features.photo_embeddings import (
    PeoplesPhotos,
    PhotoEmbeddings,
    append_embeddings,
    forget_spaces,
    missing,
    person_vectors,
    read_embeddings,
    read_photos,
)
from gravity.bus import Record

AT = datetime(2026, 3, 1, tzinfo=UTC)
ANN, BOB, EVE = 2, 3, 2**60


def photos(*of: tuple[int, str]) -> PeoplesPhotos:
    persons = np.array([person for person, _ in of], np.int64)
    return PeoplesPhotos(persons, pa.chunked_array([[url for _, url in of]], pa.string()))


def embedded(**of: tuple[int, str, list[float]]) -> PhotoEmbeddings:
    vectors = np.array([vector for _, _, vector in of.values()], np.float32)
    return PhotoEmbeddings(photos(*((p, url) for p, url, _ in of.values())), vectors)


def pairs(photos: PeoplesPhotos) -> list[tuple[int, str]]:
    return list(zip(photos.persons.tolist(), map(str, photos.urls.to_pylist()), strict=True))


MARKET = embedded(
    a=(ANN, "/photos/1", [1, 0]), b=(ANN, "/photos/2", [3, 2]), c=(EVE, "/photos/1", [1, 0])
)


def profile(person: int, version: int, *urls: str) -> events.ProfileChanged:
    photos = [events.Photo(url=url) for url in urls]
    return events.ProfileChanged(
        person=person, version=version, occurred_at_ms=version, photos=photos
    )


def test_peoples_photos_are_those_of_their_latest_profile(tmp_path: Path) -> None:
    many = [f"/photos/{n}" for n in range(20)]
    changes = [profile(ANN, 1, *many), profile(EVE, 1, "/1"), profile(EVE, 2, "/2", "/2", "/3")]
    for at, each in enumerate([*changes, profile(BOB, 1)]):
        record = Record(PROFILE_CHANGED.name, 0, at, b"", each.SerializeToString())
        lake_writer.write(str(tmp_path), lake_writer.TABLES[PROFILE_CHANGED], [record])
    found = pairs(read_photos(tmp_path))
    ann = [(ANN, url) for url in many[:10]]
    assert sorted(found) == [*ann, (EVE, "/2"), (EVE, "/2"), (EVE, "/3")]
    assert [pair for pair in found if pair[0] == ANN] == ann
    assert pairs(read_photos(tmp_path / "none")) == []


def test_a_space_comes_back_as_written(tmp_path: Path) -> None:
    append_embeddings(tmp_path, "7", MARKET, AT)
    found = read_embeddings(tmp_path, "7")
    assert pairs(found.photos) == pairs(MARKET.photos)
    assert found.vectors.dtype == np.float32
    assert found.vectors.tolist() == MARKET.vectors.tolist()


def test_spaces_never_mix(tmp_path: Path) -> None:
    append_embeddings(tmp_path, "1", MARKET, AT)
    append_embeddings(tmp_path, "11", embedded(a=(BOB, "/photos/3", [9, 9, 9])), AT)
    assert pairs(read_embeddings(tmp_path, "1").photos) == pairs(MARKET.photos)
    assert read_embeddings(tmp_path, "11").vectors.tolist() == [[9, 9, 9]]
    assert len(read_embeddings(tmp_path, "111").photos) == 0


def test_a_photo_that_was_written_twice_counts_once(tmp_path: Path) -> None:
    append_embeddings(tmp_path, "7", MARKET, AT)
    append_embeddings(tmp_path, "7", MARKET, AT)
    append_embeddings(tmp_path, "7", embedded(a=(ANN, "/photos/2", [3, 2])), AT)
    assert pairs(read_embeddings(tmp_path, "7").photos) == pairs(MARKET.photos)


def test_forgotten_spaces_leave_no_file(tmp_path: Path) -> None:
    for space in ("1", "2", "12"):
        append_embeddings(tmp_path, space, MARKET, AT)
    assert forget_spaces(tmp_path, ["1"]) == 4
    assert len(read_embeddings(tmp_path, "1").photos) == 3
    assert len(read_embeddings(tmp_path, "12").photos) == 0
    assert all("space1-" in path.name for path in tmp_path.rglob("*.*") if path.is_file())


def test_who_is_erased_is_erased_from_embeddings(tmp_path: Path) -> None:
    append_embeddings(tmp_path, "7", MARKET, AT)
    assert erase_people(tmp_path, [ANN], 0) == 1
    assert pairs(read_embeddings(tmp_path, "7").photos) == [(EVE, "/photos/1")]
    append_embeddings(tmp_path, "8", MARKET, AT)
    assert pairs(read_embeddings(tmp_path, "8").photos) == [(EVE, "/photos/1")]


def test_a_person_is_the_mean_of_the_photos_that_they_have() -> None:
    now = photos((EVE, "/photos/1"), (ANN, "/photos/2"), (ANN, "/photos/9"), (BOB, "/photos/2"))
    found = person_vectors(now, MARKET)
    assert found.persons.tolist() == [ANN, EVE]
    assert found.vectors.tolist() == [[3, 2], [1, 0]]
    both = person_vectors(MARKET.photos, MARKET)
    assert both.vectors.tolist() == [[2, 1], [1, 0]]
    assert both.vectors.dtype == np.float32


@pytest.mark.parametrize("space", ["7", "8"])
def test_nothing_embedded_is_nobody(tmp_path: Path, space: str) -> None:
    nothing = read_embeddings(tmp_path, space)
    assert len(person_vectors(MARKET.photos, nothing).persons) == 0
    assert pairs(missing(MARKET.photos, nothing)) == pairs(MARKET.photos)
    assert pairs(missing(photos(), MARKET)) == []
    append_embeddings(tmp_path, space, nothing, AT)
    assert not list(tmp_path.rglob("*"))


def test_missing_are_those_of_whom_nothing_is_embedded() -> None:
    now = photos((BOB, "/photos/1"), (ANN, "/photos/1"), (ANN, "/photos/9"))
    assert pairs(missing(now, MARKET)) == [(BOB, "/photos/1"), (ANN, "/photos/9")]
