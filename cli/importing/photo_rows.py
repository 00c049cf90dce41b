"""The photos of a file of profiles: lists of structs in Parquet, JSON text elsewhere."""

import json
import re
from functools import lru_cache
from itertools import chain, pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cli.importing.columns import texts
from cli.importing.verdict import Verdict
from features.lake_tables import PHOTO

_MOST: Final = 10
_LARGEST: Final = 20_000
_LONGEST_BLURHASH: Final = 120
# Absolute, or relative to where the app's media are.
_URL: Final = re.compile(r"https?://\S{1,500}|/photos/[A-Za-z0-9._-]{1,100}")
_FIELDS: Final = ("url", "blurhash", "width", "height")

_MANY: Final = f"more than {_MOST} photos"
_SHAPE: Final = "photos is not a list of objects with url, width, height and perhaps blurhash"
_NO_URL: Final = "a photo's url is neither http(s)://… nor /photos/NAME"
_NO_BLURHASH: Final = f"a photo's blurhash is no text of up to {_LONGEST_BLURHASH} characters"
_NO_SIZE: Final = f"a photo's width or height is not within 1 and {_LARGEST:,} pixels"

_NESTED: Final = object()
"""In the place of a list or an object where there should be a text or a number."""

Given = tuple[Any, Any, Any, Any]
"""One photo as it stood in the file: what should be url, blurhash, width and height."""


def photo_column(rows: pa.Table, verdict: Verdict) -> "pa.Array[Any]":
    """The column `photos` (n,), type PHOTOS, of a file; nobody has any where there is no column.

    Rows whose photos break a rule are refused, and have none here.
    """
    given = _given(rows)
    # The same picture comes again and again. Typed: true is no width of 1.
    broken_by = lru_cache(maxsize=None, typed=True)(_broken)
    reasons = np.array([_reason(photos, broken_by) for photos in given], dtype=object)
    for reason in set(reasons) - {""}:
        verdict.refuse(reasons == reason, reason)
    pairs = zip(reasons, given, strict=True)
    return _column([shown if shown and not reason else [] for reason, shown in pairs])


def _given(rows: pa.Table) -> list[list[Given] | None]:
    """The photos of each row; None where it is no list of objects."""
    if "photos" not in rows.column_names:
        return [[]] * rows.num_rows
    column = rows.column("photos")
    if not pa.types.is_list(column.type) and not pa.types.is_large_list(column.type):
        return [_of_text(text) for text in texts(rows, "photos").values.tolist()]
    if not pa.types.is_struct(column.type.value_type):
        return [None if photos else [] for photos in column.to_pylist()]
    return _of_structs(column)


def _of_structs(column: "pa.ChunkedArray[Any]") -> list[list[Given] | None]:
    # Field by field: whole structs take six times as long to become objects of Python.
    lists: Any = column.combine_chunks()
    structs = lists.flatten()
    names = [field.name for field in structs.type]
    fields = dict(zip(names, structs.flatten(), strict=True))
    photos = list(zip(*(_values(fields.get(name), len(structs)) for name in _FIELDS), strict=True))
    lengths = pc.list_value_length(lists).fill_null(0).to_numpy()
    ends = np.cumsum([0, *lengths]).tolist()
    return [photos[start:end] for start, end in pairwise(ends)]


def _values(column: "pa.Array[Any] | None", length: int) -> list[Any]:
    if column is None:
        return [None] * length
    return [_NESTED] * length if pa.types.is_nested(column.type) else column.to_pylist()


def _of_text(text: str) -> list[Given] | None:
    try:
        found = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list) or not all(isinstance(photo, dict) for photo in found):
        return None
    return [tuple(map(_plain, map(photo.get, _FIELDS))) for photo in found]


def _plain(value: Any) -> Any:
    return _NESTED if isinstance(value, list | dict) else value


def _reason(photos: list[Given] | None, broken_by: Any) -> str:
    """The first rule that somebody's photos break; empty if none."""
    if photos is None:
        return _SHAPE
    if len(photos) > _MOST:
        return _MANY
    return next((reason for photo in photos if (reason := broken_by(*photo))), "")


def _broken(url: Any, blurhash: Any, width: Any, height: Any) -> str:
    if not isinstance(url, str) or type(width) is not int or type(height) is not int:
        return _SHAPE
    # Printable: neither NUL nor half of a surrogate pair, which no store takes.
    if not (_URL.fullmatch(url) and url.isprintable()) or ".." in url:
        return _NO_URL
    text = "" if blurhash is None else blurhash
    if not isinstance(text, str) or len(text) > _LONGEST_BLURHASH or not text.isprintable():
        return _NO_BLURHASH
    return "" if 1 <= width <= _LARGEST and 1 <= height <= _LARGEST else _NO_SIZE


def _column(given: list[list[Given]]) -> "pa.Array[Any]":
    photos = [(url, text or "", *size) for url, text, *size in chain.from_iterable(given)]
    columns = zip(*photos, strict=True) if photos else [()] * len(_FIELDS)
    fields = [pa.array(c, field.type) for c, field in zip(columns, PHOTO, strict=True)]
    ends = np.cumsum([0, *map(len, given)])
    structs = pa.StructArray.from_arrays(fields, fields=list(PHOTO))
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), structs)
