"""PostgreSQL's binary COPY format for tables of fixed-width columns without nulls, by whole arrays.

A row is then one NumPy record (big-endian), so two million rows cost a copy of memory instead of
ten million Python objects.
"""

import datetime
import struct
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

BIGINT: Final = ">i8"
SMALLINT: Final = ">i2"
BOOLEAN: Final = "u1"
TIMESTAMP: Final = ">i8"
"""Microseconds since 2000-01-01 UTC; see `to_timestamps`."""

_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_END: Final = struct.pack(">h", -1)
_EPOCH_MS: Final = int(datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC).timestamp()) * 1000

Columns = Sequence[tuple[str, str]]
Int64s = npt.NDArray[np.int64]


def to_timestamps(milliseconds: npt.ArrayLike) -> Int64s:
    """TIMESTAMP values of milliseconds since 1970."""
    return (np.asarray(milliseconds, np.int64) - _EPOCH_MS) * 1000


def to_milliseconds(timestamps: npt.ArrayLike) -> Int64s:
    """Milliseconds since 1970 of TIMESTAMP values."""
    return np.asarray(timestamps, np.int64) // 1000 + _EPOCH_MS


def _dtype(columns: Columns) -> np.dtype[np.void]:
    fields: list[tuple[str, str]] = [("#", ">i2")]
    for name, kind in columns:
        fields += [(f"#{name}", ">i4"), (name, kind)]
    return np.dtype(fields)


def encode(columns: Columns, values: Mapping[str, npt.ArrayLike]) -> bytes:
    """The COPY stream of `columns` (name, kind), each with values (n,)."""
    arrays = {name: np.asarray(values[name]) for name, _ in columns}
    rows = np.empty(len(next(iter(arrays.values()))), _dtype(columns))
    rows["#"] = len(columns)
    for name, kind in columns:
        rows[f"#{name}"], rows[name] = np.dtype(kind).itemsize, arrays[name]
    return _HEAD + rows.tobytes() + _END


def decode(columns: Columns, stream: bytes) -> npt.NDArray[np.void]:
    """Rows (n,) of a COPY stream with just these columns, none of them null.

    Raises ValueError where it is of another shape.
    """
    body = memoryview(stream)[len(_HEAD) : len(stream) - len(_END)]
    rows = np.frombuffer(body, _dtype(columns))
    wrong = rows["#"] != len(columns)
    for name, kind in columns:
        wrong |= rows[f"#{name}"] != np.dtype(kind).itemsize
    if not stream.startswith(_HEAD[:11]) or bool(wrong.any()):
        raise ValueError("not a COPY stream of these columns")
    return rows
