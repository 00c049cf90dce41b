"""Everybody's photos into a space: each once, only what is new, in spite of bad ones."""

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from features.lake import append_rows, part_of_import
from features.media import MediaUnreachable, open_media
from features.photo_embeddings import person_vectors, read_embeddings, read_photos
from features.photo_registry import NetworkOfSpace
from flows import photo_embedding
from flows.photo_embedding import embed_missing
from tests.features.photo_networks import mean_colour
from tests.training.photo_worlds import with_photos
from tests.training.worlds import market

AT = datetime(2026, 3, 1, tzinfo=UTC)
SPACE = NetworkOfSpace("7", mean_colour())
PROFILE_ROWS = market(40, 3).profiles


def say(done: int, of: int) -> None:
    assert 0 < done <= of


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "media" / "photos"
    folder.mkdir(parents=True)
    for shade in range(10):
        out = BytesIO()
        Image.new("RGB", (50, 50), (shade * 25, 0, 255)).save(out, "PNG")
        (folder / str(shade)).write_bytes(out.getvalue())
    (folder / "text").write_text("no photo")
    return tmp_path / "media"


def people(lake: Path, urls_of: dict[int, list[str]], part: int = 0) -> None:
    """Write everybody's profile anew, with these photos."""
    rows = with_photos(PROFILE_ROWS, urls_of, version=part + 1)
    append_rows(lake, "profiles", rows, part_of_import("f00d", part))


@pytest.mark.parametrize("at_once", [1, 4, 2_000])
def test_a_photo_that_many_have_is_embedded_once(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(photo_embedding, "_AT_ONCE", at_once)
    lake = tmp_path / "lake"
    people(lake, {person: [f"/photos/{person % 10}"] for person in range(1, 41)})
    done = embed_missing(lake, open_media(str(media)), SPACE, AT, say)
    assert (done.photos, done.rows, done.refused) == (10, 40, {})
    found = person_vectors(read_photos(lake), read_embeddings(lake, "7"))
    expected = [[person % 10 * 25 / 255, 0, 1] for person in range(1, 41)]
    np.testing.assert_allclose(found.vectors, expected, atol=1e-5)
    again = embed_missing(lake, open_media(str(media)), SPACE, AT, say)
    assert (again.photos, again.rows) == (0, 0)


def test_only_new_photos_are_read(media: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    people(lake, {1: ["/photos/1"], 2: ["/photos/2"]})
    embed_missing(lake, open_media(str(media)), SPACE, AT, say)
    people(lake, {1: ["/photos/1", "/photos/3"], 5: ["/photos/2"]}, part=1)
    (media / "photos" / "1").unlink()
    (media / "photos" / "2").unlink()
    done = embed_missing(lake, open_media(str(media)), SPACE, AT, say)
    assert (done.photos, done.rows, done.refused) == (1, 2, {})
    found = person_vectors(read_photos(lake), read_embeddings(lake, "7"))
    assert found.persons.tolist() == [1, 5]


def test_bad_photos_are_counted_by_reason_and_left_out(media: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    bad = ["/photos/text", "/photos/none", "https://example.com/a.png"]
    people(lake, {1: [*bad, "/photos/1"], 2: bad})
    done = embed_missing(lake, open_media(str(media)), SPACE, AT, say)
    assert (done.photos, done.rows) == (1, 1)
    assert done.refused == {"not-an-image": 1, "missing": 1, "elsewhere": 1}


def test_nobody_has_a_photo(media: Path, tmp_path: Path) -> None:
    done = embed_missing(tmp_path / "lake", open_media(str(media)), SPACE, AT, say)
    assert (done.photos, done.rows) == (0, 0)


def test_media_that_are_away_are_no_fault_of_the_photos(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    people(lake, {1: ["/photos/1"], 2: ["/photos/2", "/photos/3"]})
    with pytest.raises(MediaUnreachable, match="none of 3 photos"):
        embed_missing(lake, open_media("http://127.0.0.1:9"), SPACE, AT, say)


def test_one_photo_that_cannot_be_fetched_stops_nobody(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    people(lake, {1: ["/photos/1"]})
    done = embed_missing(lake, open_media("http://127.0.0.1:9"), SPACE, AT, say)
    assert (done.photos, done.refused) == (0, {"unreachable": 1})
