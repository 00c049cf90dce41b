"""A lake's column of photos as the JSON that Postgres and a person's row in Redis hold."""

import json
from functools import cache
from typing import Any

import pyarrow as pa


def photo_texts(photos: "pa.ChunkedArray[Any]") -> list[str]:
    """A JSON list of objects (n,) for a column (n,) of type PHOTOS."""
    # Many show the same picture, and most of them one.
    as_text = cache(_text)
    return [
        f"[{','.join([as_text(*photo.values()) for photo in shown])}]" if shown else "[]"
        for shown in photos.to_pylist()
    ]


def _text(url: str, blurhash: str, width: int, height: int) -> str:
    photo = {"url": url, "blurhash": blurhash, "width": width, "height": height}
    return json.dumps(photo, ensure_ascii=False, separators=(",", ":"))
