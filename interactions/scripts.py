"""Lua scripts of this package, run by their hash; many runs in one round trip."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from features.wire import Part, Reply, bulk, packed, round_trip


@dataclass(frozen=True)
class Script:
    """A file of this package beside this one. It touches only the keys it is given, all of one
    person, so that it runs on Redis Cluster too."""

    file: str

    @cached_property
    def text(self) -> str:
        return resources.files("interactions").joinpath("lua", self.file).read_text("utf-8")

    @cached_property
    def digest(self) -> bytes:
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest().encode()

    def call(self, keys: Sequence[str], arguments: Sequence[Part]) -> bytes:
        """One run as a packed command."""
        return packed(b"EVALSHA", self.digest, len(keys), *keys, *arguments)

    def call_packed(self, keys: Sequence[str], count: int, arguments: bytes) -> bytes:
        """One run whose `count` arguments are in RESP already."""
        names = b"".join(bulk(key.encode()) for key in keys)
        head = (b"EVALSHA", self.digest, b"%d" % len(keys))
        parts = len(head) + len(keys) + count
        return b"*%d\r\n%b%b%b" % (parts, b"".join(map(bulk, head)), names, arguments)


async def run_all(
    redis: Redis, scripts: Sequence[Script], commands: Sequence[bytes]
) -> list[Reply]:
    """Replies of `commands`, some of which are runs of `scripts`, in one round trip.

    After a restart of Redis the scripts are loaded and everything runs again, so every command
    must be safe to repeat.
    """
    if not commands:
        return []
    together = b"".join(commands)
    try:
        return await round_trip(redis, together, len(commands))
    except NoScriptError:
        for script in scripts:
            await redis.script_load(script.text)
        return await round_trip(redis, together, len(commands))
