"""How fast swipes may come: a bucket of tokens for each account, and one for each device.

A swipe takes a token when it gets a place; sending it again takes none.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from redis.asyncio import Redis

from interactions import keys
from interactions.scripts import Script, run_all

BUCKET: Final = Script("bucket.lua")


@dataclass(frozen=True, slots=True)
class Bucket:
    """`capacity` tokens when full; `per_s` come back in a second."""

    capacity: int
    per_s: int


# Batches of some hours offline pass at once; nobody decides on a card a second for hours.
ACCOUNT: Final = Bucket(600, 1)
# A family shares a device.
DEVICE: Final = Bucket(3 * ACCOUNT.capacity, 3 * ACCOUNT.per_s)
LONGEST_WAIT_S: Final = 60


def wait_s(refused: int) -> int:
    """After how many seconds it is worth sending refused swipes again."""
    return min(LONGEST_WAIT_S, -(-refused // ACCOUNT.per_s))


async def take(redis: Redis, device: str, wanted: int, now: datetime) -> int:
    """Take up to `wanted` tokens of a device; how many there were."""
    (granted,) = await run_all(redis, [BUCKET], [_move(device, wanted, now)])
    assert isinstance(granted, int)
    return granted


def give(device: str, unused: int, now: datetime) -> bytes:
    """The command that puts tokens back, for BUCKET."""
    return _move(device, -unused, now)


def _move(device: str, tokens: int, now: datetime) -> bytes:
    # Whose device it is, is not to be read from Redis.
    digest = hashlib.sha256(b"gravity device\0" + device.encode()).hexdigest()[:32]
    now_ms = int(now.timestamp() * 1000)
    return BUCKET.call([keys.device(digest)], [now_ms, tokens, DEVICE.capacity, DEVICE.per_s])
