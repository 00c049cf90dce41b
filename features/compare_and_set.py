"""Write many people's feature hashes, each only if its version is still the one that was read."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from redis.exceptions import NoScriptError

from features.keyed import Store, ask_each, every_node, raised
from features.wire import packed


@dataclass(frozen=True, slots=True)
class Write:
    """New values of one hash. `version` is the field `_v` as it was read, empty for none."""

    key: bytes
    version: bytes
    fields: Mapping[bytes, bytes]


async def compare_and_set(store: Store, writes: Sequence[Write]) -> list[bool]:
    """Apply each write or not at all; whether it was applied, in order. One round trip.

    Writes to people who were erased count as applied and leave nothing.
    """
    script = _script()
    digest = hashlib.sha1(script, usedforsecurity=False).hexdigest().encode()
    keys = [write.key for write in writes]
    commands = [_command(digest, write) for write in writes]
    replies = await ask_each(store, keys, commands)
    # Of a cluster, some nodes may know the script, and have written.
    again = [at for at, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
    if again:
        for node in await every_node(store):
            await node.script_load(script.decode())
        second = await ask_each(store, [keys[at] for at in again], [commands[at] for at in again])
        for at, reply in zip(again, second, strict=True):
            replies[at] = reply
    return [reply == 1 for reply in raised(replies)]


@cache
def _script() -> bytes:
    return resources.files("features").joinpath("compare_and_set.lua").read_bytes()


def _command(digest: bytes, write: Write) -> bytes:
    pairs = [part for pair in write.fields.items() for part in pair]
    return packed(b"EVALSHA", digest, b"1", write.key, write.version, *pairs)
