"""Feast's answer made of the bytes that Redis has: each is a `Value` or a `Timestamp` already."""

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus, GetOnlineFeaturesResponse

from features.online import encode_varints

Cells = Sequence[bytes | None]
_VALUES: Final = b"\x0a"
_STATUSES: Final = b"\x12"
_EVENT_TIMES: Final = b"\x1a"


def add_vectors(response: GetOnlineFeaturesResponse, columns: Sequence[Cells]) -> None:
    """Add a vector for each column (n,) of a view's hash fields but the last, its event times.

    As Feast's Redis store has it, what is missing is present, null and of the time 0.
    """
    *features, times = columns
    present = bytes([FieldStatus.PRESENT]) * len(times)
    behind = _STATUSES + _varint(len(present)) + present + _repeated(_EVENT_TIMES, times)
    for cells in features:
        response.results.add().MergeFromString(_repeated(_VALUES, cells) + behind)


def _repeated(tag: bytes, cells: Cells) -> bytes:
    """Messages of a repeated field."""
    filled = [cell or b"" for cell in cells]
    heads = {size: _head(tag, size) for size in set(map(len, filled))}
    return b"".join([heads[len(cell)] + cell for cell in filled])


@cache
def _head(tag: bytes, size: int) -> bytes:
    return tag + _varint(size)


def _varint(value: int) -> bytes:
    return encode_varints(np.array([value], np.int64), b"")[0]
