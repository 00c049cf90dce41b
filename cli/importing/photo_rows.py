"""The photos of a file of profiles: lists of objects in Parquet, JSON text elsewhere."""

import json
import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pyarrow as pa

from cli.importing.columns import texts
from cli.importing.verdict import Verdict
from features.lake_tables import PHOTOS

_MOST: Final = 10
_LARGEST: Final = 20_000
_LONGEST_BLURHASH: Final = 120
# Absolute, or relative to where the app's media are.
_URL: Final = re.compile(r"https?://\S{1,500}|/photos/[A-Za-z0-9._-]{1,100}")

_SHAPE: Final = "photos is not a list of objects with url, width, height and perhaps blurhash"
_RULES: Final[tuple[tuple[str, Callable[[dict[str, Any]], bool]], ...]] = (
    (_SHAPE, lambda photo: _has_types(photo)),
    ("a photo's url is neither http(s)://… nor /photos/NAME", lambda photo: _is_url(photo["url"])),
    (
        f"a photo's blurhash is no text of up to {_LONGEST_BLURHASH} characters",
        lambda photo: _is_blurhash(photo["blurhash"]),
    ),
    (
        f"a photo's width or height is not within 1 and {_LARGEST:,} pixels",
        lambda photo: all(1 <= photo[side] <= _LARGEST for side in ("width", "height")),
    ),
)


def photo_column(rows: pa.Table, verdict: Verdict) -> "pa.Array[Any]":
    """The column `photos` (n,), type PHOTOS, of a file; nobody has any where there is no column.

    Rows with photos that break a rule are refused, and have none here.
    """
    found = [_photos(value) for value in _values(rows)]
    for reason in {each for each in found if isinstance(each, str)}:
        verdict.refuse(np.array([each == reason for each in found], bool), reason)
    return pa.array([[] if isinstance(each, str) else each for each in found], PHOTOS)


def _values(rows: pa.Table) -> list[Any]:
    """Of each row what its JSON says, or what stood in its list."""
    if "photos" not in rows.column_names:
        return [None] * rows.num_rows
    column = rows.column("photos")
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return column.to_pylist()
    return [_parsed(text) if text else None for text in texts(rows, "photos").values.tolist()]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _photos(value: Any) -> list[dict[str, str | int]] | str:
    """The photos of one person, or the first rule that they break."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(photo, dict) for photo in value):
        return _SHAPE
    if len(value) > _MOST:
        return f"more than {_MOST} photos"
    photos = [{**photo, "blurhash": photo.get("blurhash") or ""} for photo in value]
    for reason, keeps in _RULES:
        if not all(keeps(photo) for photo in photos):
            return reason
    return photos


def _has_types(photo: dict[str, Any]) -> bool:
    # Not isinstance: true is no width.
    return all(
        type(photo.get(name)) is kind
        for name, kind in (("url", str), ("blurhash", str), ("width", int), ("height", int))
    )


def _is_url(url: str) -> bool:
    return _URL.fullmatch(url) is not None and ".." not in url and url.isprintable()


def _is_blurhash(text: str) -> bool:
    # Printable: neither NUL nor half of a surrogate pair, which no store takes.
    return len(text) <= _LONGEST_BLURHASH and text.isprintable()
