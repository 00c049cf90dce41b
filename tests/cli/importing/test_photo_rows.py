"""Photos of a file of profiles: taken as they are, or refused with a reason."""

import json
from typing import Any

import pyarrow as pa
import pytest

from cli.importing.photo_rows import photo_column
from cli.importing.verdict import Verdict
from features.lake_tables import PHOTOS

PHOTO: dict[str, str | int] = {
    "url": "https://cdn.example/1.jpg",
    "blurhash": "L0",
    "width": 600,
    "height": 800,
}
SHAPE = "photos is not a list of objects with url, width, height and perhaps blurhash"
URL = "a photo's url is neither http(s)://… nor /photos/NAME"
BLURHASH = "a photo's blurhash is no text of up to 120 characters"
SIDES = "a photo's width or height is not within 1 and 20,000 pixels"


def read(column: "pa.Array[Any] | None") -> tuple[list[Any], list[str]]:
    rows = pa.table({"person": [1] * (1 if column is None else len(column))})
    if column is not None:
        rows = rows.append_column("photos", column)
    verdict = Verdict(rows.num_rows)
    photos = photo_column(rows, verdict)
    assert photos.type == PHOTOS
    return photos.to_pylist(), verdict.reasons


def test_json_text_and_structs_are_the_same_photos() -> None:
    drawn = PHOTO | {"url": "/photos/avatar-0007.png", "blurhash": "", "width": 1, "height": 20_000}
    listed = [[PHOTO, drawn], [], None, [PHOTO] * 10]
    expected: tuple[list[Any], list[str]] = ([shown or [] for shown in listed], [])
    texts = [None if shown is None else json.dumps(shown) for shown in listed]
    assert read(pa.array(texts)) == expected
    assert read(pa.array(listed, PHOTOS)) == expected
    # As another program may write it.
    sides = [(name, pa.int64()) for name in ("height", "width")]
    other = pa.large_list(pa.struct([*sides, ("url", pa.string()), ("blurhash", pa.string())]))
    assert read(pa.array(listed, other)) == expected


def test_structs_of_other_types_are_refused() -> None:
    odd = [
        [{"url": ["https://x/1"], "width": 1, "height": 1}],
        [{"url": "https://x/1", "width": 1.0, "height": 1}],
        [{"url": "https://x/1", "height": 1}],
        ["https://x/1"],
        [1],
    ]
    for value in odd:
        assert read(pa.array([value, [], None])) == ([[], [], []], [SHAPE])


def test_nobody_has_photos_without_the_column_or_in_an_empty_field() -> None:
    assert read(None) == ([[]], [])
    assert read(pa.array(["", "  ", None], pa.string())) == ([[], [], []], [])
    assert read(pa.nulls(1)) == ([[]], [])


def test_a_blurhash_may_be_missing_and_other_keys_are_ignored() -> None:
    text = json.dumps([{"url": "http://x/y", "width": 1, "height": 1, "taken_at": "home"}])
    url = {"url": "http://x/y", "blurhash": "", "width": 1, "height": 1}
    assert read(pa.array([text])) == ([[url]], [])


@pytest.mark.parametrize(
    ("photos", "reason"),
    [
        ("{", SHAPE),
        ("[" * 100_000, SHAPE),
        ({"url": "https://x/1"}, SHAPE),
        (["https://x/1"], SHAPE),
        ([PHOTO, None], SHAPE),
        ([{"url": "https://x/1"}], SHAPE),
        ([PHOTO | {"url": None}], SHAPE),
        ([PHOTO | {"url": ["https://x/1"]}], SHAPE),
        ([PHOTO | {"blurhash": {}}], BLURHASH),
        ([PHOTO | {"width": "600"}], SHAPE),
        ([PHOTO | {"width": True}], SHAPE),
        ([PHOTO | {"height": 1.5}], SHAPE),
        ([PHOTO | {"height": float("nan")}], SHAPE),
        ([PHOTO | {"blurhash": 7}], BLURHASH),
        ([PHOTO] * 11, "more than 10 photos"),
        ([PHOTO | {"url": "javascript:alert(1)"}], URL),
        ([PHOTO | {"url": "//x/1"}], URL),
        ([PHOTO | {"url": "file:///etc/passwd"}], URL),
        ([PHOTO | {"url": "https://"}], URL),
        ([PHOTO | {"url": "https://x/a b"}], URL),
        ([PHOTO | {"url": "https://x/1\n"}], URL),
        ([PHOTO | {"url": "https://x/\0"}], URL),
        ([PHOTO | {"url": "https://x/\ud800"}], URL),
        ([PHOTO | {"url": "https://" + "x" * 501}], URL),
        ([PHOTO | {"url": "https://x/../etc/passwd"}], URL),
        ([PHOTO | {"url": "/photos/.."}], URL),
        ([PHOTO | {"url": "/photos/a/b.png"}], URL),
        ([PHOTO | {"url": "/photos/"}], URL),
        ([PHOTO | {"url": "/photos/" + "x" * 101}], URL),
        ([PHOTO | {"url": "/elsewhere/x.png"}], URL),
        ([PHOTO, PHOTO | {"blurhash": "x" * 121}], BLURHASH),
        ([PHOTO | {"blurhash": "\0"}], BLURHASH),
        ([PHOTO | {"width": 0}], SIDES),
        ([PHOTO | {"height": 20_001}], SIDES),
        ([PHOTO | {"height": 10**30}], SIDES),
    ],
)
def test_what_breaks_a_rule_is_refused_with_it(photos: Any, reason: str) -> None:
    text = photos if isinstance(photos, str) else json.dumps(photos)
    assert read(pa.array([json.dumps([PHOTO]), text])) == ([[PHOTO], []], [reason])
