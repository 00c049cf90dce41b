"""Writing `person:{ID}` so that an older version never replaces a newer one, whoever comes late."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final, cast

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from features.person_row import HEAD_DTYPE, person_row_key
from features.wire import packed, round_trip

_TOGETHER: Final = 1000


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row to write, and its version, which is in its head too."""

    person: int
    version: int
    row: bytes


async def set_if_newest(redis: Redis, rows: Sequence[NewRow]) -> list[bytes | None]:
    """Write each row where nothing newer stands; replies in order.

    A reply is the old row's coordinates (two doubles; empty if there was none), or None where a
    newer row stands. Safe to repeat.
    """
    replies: list[bytes | None] = []
    for start in range(0, len(rows), _TOGETHER):
        replies += await _set(redis, rows[start : start + _TOGETHER])
    return replies


async def _set(redis: Redis, rows: Sequence[NewRow]) -> list[bytes | None]:
    script = resources.files("features").joinpath("set_person_row.lua").read_bytes()
    digest = hashlib.sha1(script, usedforsecurity=False).hexdigest().encode()
    together = b"".join(_command(digest, row) for row in rows)
    try:
        replies = await round_trip(redis, together, len(rows))
    except NoScriptError:
        await redis.script_load(script.decode())
        replies = await round_trip(redis, together, len(rows))
    return cast("list[bytes | None]", replies)


def _command(digest: bytes, row: NewRow) -> bytes:
    numbers = (b"%d" % n for n in (row.version, head_offset("latitude"), head_offset("version")))
    key = person_row_key(row.person).encode()
    return packed(b"EVALSHA", digest, b"1", key, row.row, *numbers)


def head_offset(field: str) -> int:
    """Where a field of the head begins, in bytes."""
    assert HEAD_DTYPE.fields is not None
    return HEAD_DTYPE.fields[field][1]
