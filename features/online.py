"""Feast's online layout in Redis, without Feast: keys, hash fields and values, by columns.

Key: serialised entity key (version 3) and project. Hash field: murmur3_32 of `view:feature`, little
endian. Value: Feast's `Value` message, of which six wire forms are in use. `_ts:view` holds the
event time as a protobuf `Timestamp`. tests/features holds all of it to Feast's own code.
"""

import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Final, cast

import mmh3
import numpy as np
import numpy.typing as npt

from features.views import JOIN_KEY, PROJECT, Kind, View

Int64s = npt.NDArray[np.int64]
Column = npt.NDArray[np.generic]
NULL: Final = b""
"""A null is a `Value` with nothing set, which serialises to nothing."""

NULL_TIME: Final = np.iinfo(np.int64).min
"""Feast's null of the type UnixTimestamp."""

_STRING_TYPE: Final = 2
_INT64_TYPE: Final = 4
_KEY_HEAD: Final = (
    struct.pack("<III", 1, _STRING_TYPE, len(JOIN_KEY))
    + JOIN_KEY.encode()
    + struct.pack("<II", _INT64_TYPE, 8)
)
_KEY_TAIL: Final = PROJECT.encode()
KEY_BYTES: Final = len(_KEY_HEAD) + 8 + len(_KEY_TAIL)
KEY_PATTERN: Final = _KEY_HEAD + b"*"
"""For SCAN: every person's key."""
_VARINT_BYTES: Final = 10
_SECONDS_TAG: Final = 0x08
_NANOS_TAG: Final = 0x10


def entity_keys(persons: npt.ArrayLike) -> list[bytes]:
    """The Redis keys of people (n,)."""
    ids = np.asarray(persons, np.int64)
    rows = np.empty((len(ids), KEY_BYTES), np.uint8)
    rows[:, : len(_KEY_HEAD)] = np.frombuffer(_KEY_HEAD, np.uint8)
    rows[:, len(_KEY_HEAD) : -len(_KEY_TAIL)] = ids.astype("<i8").view(np.uint8).reshape(-1, 8)
    rows[:, -len(_KEY_TAIL) :] = np.frombuffer(_KEY_TAIL, np.uint8)
    return _rows_of(rows)


def persons_of(keys: Sequence[bytes]) -> Int64s:
    """The people (n,) of keys such as `entity_keys` makes; what else is there is passed over."""
    own = b"".join(key for key in keys if len(key) == KEY_BYTES and key.startswith(_KEY_HEAD))
    rows = np.frombuffer(own, np.uint8).reshape(-1, KEY_BYTES)
    ids = np.ascontiguousarray(rows[:, len(_KEY_HEAD) : -len(_KEY_TAIL)])
    return ids.view("<i8").reshape(-1).astype(np.int64)


@cache
def feature_field(view: str, feature: str) -> bytes:
    """The hash field of a feature."""
    return struct.pack("<I", mmh3.hash(f"{view}:{feature}", signed=False))


def time_field(view: str) -> bytes:
    """The hash field of a view's event time."""
    return f"_ts:{view}".encode()


@cache
def view_fields(view: View) -> tuple[bytes, ...]:
    """The hash fields of a view in order, its event time last."""
    fields = [feature_field(view.name, feature.name) for feature in view.features]
    return (*fields, time_field(view.name))


def encode_column(kind: Kind, values: npt.ArrayLike | Sequence[str | None]) -> list[bytes]:
    """Serialised `Value`s of a column (n,), or (n, d) for lists. Null: NaN, None, times < 0."""
    if kind is Kind.STRING:
        return [NULL if v is None else _encode_string(str(v)) for v in np.asarray(values, object)]
    if kind is Kind.INT64:
        return encode_varints(np.asarray(values, np.int64), bytes([kind.value << 3]))
    if kind is Kind.UNIX_TIMESTAMP:
        seconds = np.asarray(values, np.int64)
        seconds = np.where(seconds < 0, NULL_TIME, seconds)
        return encode_varints(seconds, bytes([kind.value << 3]))
    if kind is Kind.FLOAT32_LIST:
        return _encode_lists(np.asarray(values, np.float32))
    numbers = np.asarray(values, "<f4" if kind is Kind.FLOAT32 else "<f8")
    wire = 5 if kind is Kind.FLOAT32 else 1
    rows = _with_head(bytes([kind.value << 3 | wire]), numbers.reshape(-1, 1))
    return [NULL if null else row for row, null in zip(rows, np.isnan(numbers), strict=True)]


def encode_varints(values: Int64s, tag: bytes) -> list[bytes]:
    """`tag` and the varint of each value (n,); negatives take ten bytes, as protobuf has them."""
    left = values.astype(np.uint64)
    out = np.zeros((len(values), _VARINT_BYTES), np.uint8)
    length = np.ones(len(values), np.int64)
    for place in range(_VARINT_BYTES):
        out[:, place] = left & np.uint64(0x7F)
        left >>= np.uint64(7)
        more = left > 0
        out[more, place] |= 0x80
        length[more] += 1
        if not more.any():
            break
    rows = _rows_of(out)
    return [tag + row[:size] for row, size in zip(rows, length.tolist(), strict=True)]


def encode_times(event_ms: npt.ArrayLike) -> list[bytes]:
    """Protobuf `Timestamp`s of milliseconds since the epoch (n,)."""
    ms = np.asarray(event_ms, np.int64)
    seconds, nanos = np.divmod(ms, 1000)
    head = encode_varints(seconds, bytes([_SECONDS_TAG]))
    if not nanos.any():
        return [NULL if s == 0 else row for s, row in zip(seconds.tolist(), head, strict=True)]
    tail = encode_varints(nanos * 1_000_000, bytes([_NANOS_TAG]))
    kept = zip(head, (seconds != 0).tolist(), tail, (nanos != 0).tolist(), strict=True)
    return [(h if s else NULL) + (t if n else NULL) for h, s, t, n in kept]


def decode_varints(raw: Sequence[bytes | None], skip: int = 1) -> Int64s:
    """The varint after `skip` bytes of each (n,) int64; 0 where there is nothing."""
    return _varints(_block(raw, skip + _VARINT_BYTES)[:, skip:]).values


def decode_fixed(raw: Sequence[bytes | None], kind: Kind) -> npt.NDArray[np.float64]:
    """Float32 or Float64 `Value`s as float64 (n,); NaN where missing or null."""
    tag = kind.value << 3 | (5 if kind is Kind.FLOAT32 else 1)
    dtype = np.dtype([("tag", "u1"), ("value", "<f4" if kind is Kind.FLOAT32 else "<f8")])
    size = dtype.itemsize
    rows = np.frombuffer(_joined(raw, size, bytes([0]) * size), dtype)
    values = rows["value"].astype(np.float64)
    values[rows["tag"] != tag] = np.nan
    return values


def decode_lists(raw: Sequence[bytes | None], width: int | None) -> npt.NDArray[np.float32]:
    """Float lists as float32 (n, width); NaN rows where missing, null or of another width.

    With no `width` given it is that of the first present row (0 where there is none).
    """
    if width is None:
        width = next((_list_width(row) for row in raw if row), 0)
    head = _list_head(width)
    size = len(head) + 4 * width
    empty = head + np.full(width, np.nan, "<f4").tobytes()
    rows = np.frombuffer(_joined(raw, size, empty), np.uint8).reshape(len(raw), size)
    # A copy even of a single row, which is contiguous already: what was received is read-only.
    values = rows[:, len(head) :].copy().view("<f4").reshape(len(raw), width)
    values[np.any(rows[:, : len(head)] != np.frombuffer(head, np.uint8), axis=1)] = np.nan
    return values


def decode_string(raw: bytes | None) -> str | None:
    """The text of a string `Value`; None where missing or null."""
    if not raw:
        return None
    at = 1
    while raw[at] >= 0x80:
        at += 1
    return raw[at + 1 :].decode()


def decode_times(raw: Sequence[bytes | None]) -> Int64s:
    """Milliseconds (n,) of `Timestamp`s; −1 where there is none."""
    block = _block(raw, 2 * _VARINT_BYTES + 3)
    has_seconds = block[:, 0] == _SECONDS_TAG
    seconds = _varints(block[:, 1 : 1 + _VARINT_BYTES])
    start = np.where(has_seconds, 1 + seconds.sizes, 0)[:, None]
    tail = np.take_along_axis(block, start + np.arange(1 + _VARINT_BYTES), axis=1)
    nanos = np.where(tail[:, 0] == _NANOS_TAG, _varints(tail[:, 1:]).values, 0)
    ms: Int64s = np.where(has_seconds, seconds.values, 0) * 1000 + nanos // 1_000_000
    ms[[row is None for row in raw]] = -1
    return ms


@dataclass(frozen=True, slots=True)
class _Varints:
    """Values (n,) int64 and how many bytes each took (n,)."""

    values: Int64s
    sizes: Int64s


def _varints(digits: npt.NDArray[np.uint8]) -> _Varints:
    """The varint at the start of each row (n, width)."""
    out = np.zeros(len(digits), np.uint64)
    sizes = np.ones(len(digits), np.int64)
    running = np.ones(len(digits), np.bool_)
    for place in range(digits.shape[1]):
        digit = digits[:, place]
        out |= np.where(running, digit & 0x7F, 0).astype(np.uint64) << np.uint64(7 * place)
        running &= digit >= 0x80
        if not running.any():
            break
        sizes += running
    return _Varints(out.view(np.int64), sizes)


def _block(raw: Sequence[bytes | None], width: int) -> npt.NDArray[np.uint8]:
    """Rows (n, width) of the first bytes of each, zeros behind what is shorter or absent."""
    padded = b"".join([(row or NULL)[:width].ljust(width, b"\0") for row in raw])
    return np.frombuffer(padded, np.uint8).reshape(len(raw), width)


def _joined(raw: Sequence[bytes | None], size: int, empty: bytes) -> bytes:
    """All rows of `size` bytes in one piece, `empty` in place of those of any other length."""
    with suppress(TypeError):
        whole = b"".join(raw)  # type: ignore[arg-type]  # None among them is the TypeError
        if len(whole) == size * len(raw) and len({*map(len, cast("list[bytes]", raw))}) <= 1:
            return whole
    return b"".join([row if row is not None and len(row) == size else empty for row in raw])


def fixed_head(kind: Kind, width: int) -> bytes | None:
    """What stands before the numbers of a `Value` that takes the same bytes whatever it says;
    None for the kinds whose length depends on the value. `width`: numbers of a list."""
    if kind is Kind.FLOAT32_LIST:
        return _list_head(width)
    wire = {Kind.FLOAT32: 5, Kind.FLOAT64: 1}.get(kind)
    return None if wire is None else bytes([kind.value << 3 | wire])


def _encode_string(value: str) -> bytes:
    text = value.encode()
    return b"\x12" + _varint(len(text)) + text


def _encode_lists(values: npt.NDArray[np.float32]) -> list[bytes]:
    rows = _with_head(_list_head(values.shape[1]), values.astype("<f4"))
    null: list[bool] = np.any(np.isnan(values), axis=1).tolist()
    return [NULL if is_null else row for row, is_null in zip(rows, null, strict=True)]


@cache
def _list_head(width: int) -> bytes:
    if width == 0:
        return b"\x82\x01\x00"
    inner = b"\x0a" + _varint(4 * width)
    return b"\x82\x01" + _varint(len(inner) + 4 * width) + inner


def _list_width(raw: bytes) -> int:
    size = int(decode_varints([raw], 2)[0])
    for width in (size // 4 - 1, size // 4):
        if width >= 0 and len(_list_head(width)) + 4 * width == len(raw):
            return width
    return 0


def _varint(value: int) -> bytes:
    return encode_varints(np.array([value], np.int64), b"")[0]


def _with_head(head: bytes, values: Column) -> list[bytes]:
    """`head` before the bytes of each row of `values` (n, width)."""
    body = np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1)
    rows = np.empty((len(values), len(head) + body.shape[1]), np.uint8)
    rows[:, : len(head)] = np.frombuffer(head, np.uint8)
    rows[:, len(head) :] = body
    return _rows_of(rows)


def _rows_of(rows: npt.NDArray[np.uint8]) -> list[bytes]:
    block, width = rows.tobytes(), rows.shape[1]
    return [block[at : at + width] for at in range(0, len(block), width)]
