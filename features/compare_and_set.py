"""Write many people's feature hashes, each only if its version is still the one that was read."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from features.wire import packed, round_trip


@dataclass(frozen=True, slots=True)
class Write:
    """New values of one hash. `version` is the field `_v` as it was read, empty for none."""

    key: bytes
    version: bytes
    fields: Mapping[bytes, bytes]


async def compare_and_set(redis: Redis, writes: Sequence[Write]) -> list[bool]:
    """Apply each write or not at all; whether it was applied, in order. One round trip.

    Writes to people who were erased count as applied and leave nothing.
    """
    script = _script()
    digest = hashlib.sha1(script, usedforsecurity=False).hexdigest().encode()
    commands = b"".join(_command(digest, write) for write in writes)
    try:
        replies = await round_trip(redis, commands, len(writes))
    except NoScriptError:
        # Nothing was written: every command of the batch named the unknown script.
        await redis.script_load(script.decode())
        replies = await round_trip(redis, commands, len(writes))
    return [reply == 1 for reply in replies]


@cache
def _script() -> bytes:
    return resources.files("features").joinpath("compare_and_set.lua").read_bytes()


def _command(digest: bytes, write: Write) -> bytes:
    pairs = [part for pair in write.fields.items() for part in pair]
    return packed(b"EVALSHA", digest, b"1", write.key, write.version, *pairs)
