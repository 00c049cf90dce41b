"""A column of photos becomes the JSON that one profile after the other would have become."""

import json

import pyarrow as pa

from features.lake_tables import PHOTOS
from features.photo_texts import photo_texts

ONE = {"url": '/photos/"ö".png', "blurhash": "00,\\%", "width": 3, "height": 4}
OTHER = {"url": "https://x/1", "blurhash": "", "width": 30, "height": 40}


def test_every_list_is_its_json() -> None:
    shown = [[ONE, OTHER], [], [ONE], None]
    column = pa.chunked_array([pa.array(shown[:2], PHOTOS), pa.array(shown[2:], PHOTOS)])
    texts = photo_texts(column)
    assert [json.loads(text) for text in texts] == [[ONE, OTHER], [], [ONE], []]
    assert texts[2] == json.dumps([ONE], ensure_ascii=False, separators=(",", ":"))
