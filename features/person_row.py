"""The value of `person:{ID}` in Redis: what a last look needs of a person, in one read.

A packed little-endian head of fixed width, then a JSON tail. Whoever checks constraints parses
hundreds of heads with one `numpy.frombuffer` and opens only the tails of the cards it shows.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import numpy.typing as npt

from features.eligibility import PERSON_DTYPE

FORMAT: Final = 1
VISIBLE: Final = 1
"""`Visibility` of the contracts; every other value hides."""

HEAD_DTYPE: Final = np.dtype(
    [
        ("format", "u1"),
        ("visibility", "u1"),
        ("person", PERSON_DTYPE),
        ("latitude", "<f8"),
        ("longitude", "<f8"),
        ("version", "<i8"),
    ]
)
_EMPTY: Final = bytes(HEAD_DTYPE.itemsize)


class PersonRowUnreadable(ValueError):
    """A value that is too short for a row, or of an unknown format."""


@dataclass(frozen=True, slots=True)
class PersonTail:
    """What a card shows. `photos` are objects with url, blurhash, width and height."""

    name: str
    attributes: Mapping[str, str]
    photos: Sequence[Mapping[str, str | int]]
    simulated: bool


@dataclass(frozen=True, slots=True)
class PersonHeads:
    """The heads of n rows; `present` (n,) is False where there is no row.

    `head` (n,) HEAD_DTYPE; an absent row is all zeros, so nobody is eligible through it.
    """

    head: npt.NDArray[np.void]
    present: npt.NDArray[np.bool_]

    @property
    def people(self) -> npt.NDArray[np.void]:
        """The heads as a PERSON_DTYPE table (n,)."""
        return cast("npt.NDArray[np.void]", self.head["person"])


def person_row_key(person: int) -> str:
    """The Redis key of a person's row."""
    return f"person:{{{person}}}"


def person_of_row_key(key: bytes) -> int:
    """The person of a key of `person_row_key`."""
    return int(key[len(b"person:{") : -1])


def cell_key(cell: int) -> str:
    """The Redis key of the people in an H3 res-6 cell, by last activity."""
    return f"cell:{cell:x}"


def encode_head(
    people: npt.NDArray[np.void],
    latitude: npt.ArrayLike,
    longitude: npt.ArrayLike,
    version: npt.ArrayLike,
    visibility: npt.ArrayLike,
) -> list[bytes]:
    """Heads of a PERSON_DTYPE table (n,); `visible` follows from `visibility`."""
    head = np.zeros(len(people), HEAD_DTYPE)
    head["format"], head["visibility"], head["person"] = FORMAT, visibility, people
    head["person"]["visible"] = head["visibility"] == VISIBLE
    head["latitude"], head["longitude"], head["version"] = latitude, longitude, version
    block, width = head.tobytes(), HEAD_DTYPE.itemsize
    return [block[at : at + width] for at in range(0, len(block), width)]


def encode_tail(tail: PersonTail) -> bytes:
    """The JSON that follows a head."""
    fields = {
        "name": tail.name,
        "attributes": dict(tail.attributes),
        "photos": [dict(photo) for photo in tail.photos],
        "simulated": tail.simulated,
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def decode_heads(rows: Sequence[bytes | None]) -> PersonHeads:
    """Heads of rows (n,) as they came from Redis, None where a person has no row.

    Raises `PersonRowUnreadable`.
    """
    width = HEAD_DTYPE.itemsize
    block = b"".join([_EMPTY if row is None else row[:width] for row in rows])
    if len(block) != width * len(rows):
        raise PersonRowUnreadable("a row is shorter than its head")
    head = np.frombuffer(block, HEAD_DTYPE)
    present = np.array([row is not None for row in rows], np.bool_)
    if np.any(head["format"][present] != FORMAT):
        raise PersonRowUnreadable("a row has a format that this version does not know")
    return PersonHeads(head, present)


def decode_tail(row: bytes) -> PersonTail:
    """The tail of one row. Raises `PersonRowUnreadable`."""
    try:
        fields = json.loads(row[HEAD_DTYPE.itemsize :])
        return PersonTail(
            fields["name"], fields["attributes"], fields["photos"], fields["simulated"]
        )
    except (ValueError, KeyError, TypeError) as error:
        raise PersonRowUnreadable(str(error)) from error
