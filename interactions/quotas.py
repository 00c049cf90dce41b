"""How many swipes a person has: by tier, in the person's own day, superlikes apart.

The day is the one that the clock shows in the zone that the person's token names. It only moves
forward, so whoever hops from zone to zone gains one day at most.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from redis.asyncio import Redis

from contracts import events_pb2 as events
from features.wire import packed, round_trip
from interactions import keys

KEPT: Final = timedelta(days=3)
"""How long a count is kept: after that its day is over in every zone."""

_EPOCH: Final = date(1970, 1, 1)
PerTier = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Limits:
    """Swipes and superlikes a day: of free, plus and gold."""

    swipes: PerTier
    superlikes: PerTier


@dataclass(frozen=True, slots=True)
class Quota:
    """What a person has used. `tier`: of the contracts; `day`: own days since 1970-01-01."""

    tier: int
    day: int
    swipes: int
    superlikes: int


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a day."""

    swipes: int
    superlikes: int

    @classmethod
    def of(cls, quota: Quota, limits: Limits) -> "Left":
        """Never negative, also after a change to a lower tier."""
        allowed = limits_of(quota.tier, limits)
        return cls(
            max(0, allowed.swipes - quota.swipes), max(0, allowed.superlikes - quota.superlikes)
        )


def limits_of(tier: int, limits: Limits) -> Left:
    """What a whole day of a tier has."""
    return Left(limits.swipes[tier - 1], limits.superlikes[tier - 1])


def own_day(zone: str, now: datetime) -> int:
    """Days since 1970-01-01 by the clock in a zone; an unknown one is UTC."""
    return (now.astimezone(_zone(zone)).date() - _EPOCH).days


def day_ends(day: int, zone: str) -> datetime:
    """When the next own day begins, UTC."""
    midnight = datetime.combine(_EPOCH + timedelta(days=day + 1), time(), _zone(zone))
    return midnight.astimezone(UTC)


async def read_quota(redis: Redis, person: int, zone: str, now: datetime) -> Quota:
    """What a person has used by now, in one round trip."""
    commands = (
        packed(b"GET", keys.tier(person).encode()),
        packed(b"HMGET", keys.quota(person).encode(), b"d", b"n", b"s"),
    )
    tier, counts = await round_trip(redis, b"".join(commands), len(commands))
    kept, swipes, superlikes = (int(each or 0) for each in cast("list[bytes | None]", counts))
    known = int(cast("bytes | None", tier) or events.TIER_FREE)
    today = own_day(zone, now)
    if today > kept:
        return Quota(known, today, 0, 0)
    return Quota(known, kept, swipes, superlikes)


@lru_cache(maxsize=1024)
def _zone(name: str) -> tzinfo:
    try:
        # OSError: the name of a folder of zones.
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
