"""Which slot of a Redis Cluster a key is in: CRC16 of the key modulo 16,384, for whole arrays.

Where a key holds `{…}` with something between the braces, that alone counts. Feast's keys are
binary, so a person's id can look like that: 8,192,123 is `{` `\\0` `}` in little endian.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

SLOTS: Final = 16_384
_POLYNOMIAL: Final = 0x1021
Slots = npt.NDArray[np.uint16]


def _table() -> Slots:
    """CRC16/XMODEM of each byte (256,)."""
    crc: Slots = (np.arange(256) << 8).astype(np.uint16)
    for _ in range(8):
        crc = np.where(crc & 0x8000, crc << 1 ^ _POLYNOMIAL, crc << 1).astype(np.uint16)
    return crc


_TABLE: Final = _table()


def slots_of(keys: Sequence[bytes]) -> npt.NDArray[np.int64]:
    """The slots (n,) of keys of one length. Raises ValueError for keys of several."""
    if not keys:
        return np.zeros(0, np.int64)
    joined = b"".join(keys)
    size = len(keys[0])
    if any(len(key) != size for key in keys):
        raise ValueError("keys of one length only")
    rows = np.frombuffer(joined, np.uint8).reshape(len(keys), size)
    slots = (_crc16(rows) % SLOTS).astype(np.int64)
    if b"{" in joined:
        for at, key in enumerate(keys):
            if b"{" in key:
                tag = np.frombuffer(_tag(key), np.uint8)[None]
                slots[at] = _crc16(tag)[0] % SLOTS
    return slots


def _crc16(rows: npt.NDArray[np.uint8]) -> Slots:
    """Of rows (n, size), (n,)."""
    # What all keys begin with is gone through once.
    differs = np.flatnonzero(np.any(rows != rows[0], axis=0))
    shared = int(differs[0]) if len(differs) else rows.shape[1]
    start = np.zeros(1, np.uint16)
    for byte in rows[0, :shared]:
        start = _next(start, byte)
    crc = np.repeat(start, len(rows))
    for column in rows.T[shared:]:
        crc = _next(crc, column)
    return crc


def _next(crc: Slots, byte: npt.NDArray[np.uint8] | np.uint8) -> Slots:
    shifted: Slots = crc << np.uint16(8) ^ _TABLE[crc >> np.uint16(8) ^ byte]
    return shifted


def _tag(key: bytes) -> bytes:
    """What counts of a key: between the first `{` and the first `}` behind it, if anything is."""
    start = key.find(b"{")
    end = key.find(b"}", start + 1)
    return key[start + 1 : end] if start >= 0 and end > start + 1 else key
