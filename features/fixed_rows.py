"""Replies in which every value has its one length, read as an array: no object for any value.

The reply to an HMGET of such values is the same bytes for every person but for the numbers. So
what must be the same is compared for all people at once, and the numbers are taken where they lie.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features import online
from features.views import Kind

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
_AFTER: Final = b"\r\n"


@dataclass(frozen=True, slots=True)
class Frame:
    """The form of one person's reply of L bytes.

    `same` (L,) uint8 has zeros for the numbers; `told` (L,) is 255 where all replies agree and 0
    where the numbers are. `dtype`: of L bytes, a field for each value, named f0, f1 ….
    """

    head: bytes
    same: Bytes
    told: Bytes
    dtype: np.dtype[np.void]


@dataclass(frozen=True, slots=True)
class Found:
    """Replies of n people: `at` (k,) are the people whose reply has the form, `rows` (k,) of the
    frame's dtype what they have; `others` (n − k,) the rest, and `unread` their replies' bytes."""

    at: Ints
    rows: npt.NDArray[np.void]
    others: Ints
    unread: bytes


def frame_of(values: Sequence[tuple[Kind, int]]) -> Frame | None:
    """The form of a reply of these values, each a kind and, of a list, how many numbers; None where
    one of them has no length of its own."""
    head = b"*%d\r\n" % len(values)
    same, told = bytearray(head), bytearray(b"\xff" * len(head))
    formats: list[tuple[str, tuple[int]]] = []
    offsets: list[int] = []
    for kind, width in values:
        start = online.fixed_head(kind, width)
        if start is None:
            return None
        number = "<f8" if kind is Kind.FLOAT64 else "<f4"
        size = np.dtype(number).itemsize * width
        before = b"$%d\r\n%b" % (len(start) + size, start)
        same += before + bytes(size) + _AFTER
        told += b"\xff" * len(before) + bytes(size) + b"\xff\xff"
        offsets.append(len(same) - size - len(_AFTER))
        formats.append((number, (width,)))
    names = [f"f{n}" for n in range(len(formats))]
    form = {"names": names, "formats": formats, "offsets": offsets, "itemsize": len(same)}
    dtype = np.dtype(form)  # type: ignore[call-overload]  # its stub wants a literal
    return Frame(head + b"$", np.frombuffer(same, np.uint8), np.frombuffer(told, np.uint8), dtype)


def find(frame: Frame, data: bytes, people: int) -> Found | None:
    """The replies of n people in what the server sent; None where it is not as many replies."""
    size = len(frame.same)
    every = np.arange(people)
    if len(data) == people * size:
        block = np.frombuffer(data, np.uint8).reshape(people, size)
        if _fits(frame, block).all():
            return Found(every, block.view(frame.dtype).reshape(people), every[:0], b"")
    starts = _starts(frame.head, data)
    if len(starts) != people or starts[0] != 0:
        return None
    ends = np.append(starts[1:], len(data))
    at = np.flatnonzero(ends - starts == size)
    if len(at):
        # Every place of the data with the bytes that follow: a view, of which some rows are taken.
        block = np.ndarray((len(data) - size + 1, size), np.uint8, data, strides=(1, 1))[starts[at]]
        fits = _fits(frame, block)
        at, block = at[fits], block[fits]
    else:
        block = np.empty((0, size), np.uint8)
    others = np.delete(every, at)
    spans = zip(starts[others].tolist(), ends[others].tolist(), strict=True)
    unread = b"".join([data[start:end] for start, end in spans])
    return Found(at, block.view(frame.dtype).reshape(len(at)), others, unread)


def _fits(frame: Frame, block: Bytes) -> Bools:
    """Which replies (k, L) have the form (k,)."""
    differs = (block ^ frame.same) & frame.told
    some: Bools = np.any(differs, axis=1)
    return ~some


def _starts(head: bytes, data: bytes) -> Ints:
    """Where a reply begins, and wherever a value only looks as if one did.

    As every reply begins so, there are none such if there are as many starts as people.
    """
    block = np.frombuffer(data, np.uint8)
    found = np.flatnonzero(block[: len(block) - len(head) + 1] == head[0])
    for place in range(1, len(head)):
        found = found[block[found + place] == head[place]]
    return found
