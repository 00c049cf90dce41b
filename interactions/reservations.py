"""Reservations in Redis: the quota of one's day and the set of people seen, before the append.

A reservation is open until its swipe is known to be appended. `settle` comes before the
acknowledgement, so what is acknowledged is never given back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, cast

from redis.asyncio import Redis

from features.wire import Part, Reply
from interactions import keys
from interactions.quotas import KEPT, Limits, Quota, own_day
from interactions.scripts import Script, run_all
from interactions.taking_back import IDS_KEPT, listed
from interactions.velocity import ACCOUNT, BUCKET

RESERVE: Final = Script("reserve.lua")
SETTLE: Final = Script("settle.lua")


class State(Enum):
    """What the reservation script says of a swipe (reserve.lua)."""

    APPEND = "append"
    SECOND = "second"
    CONTENDED = "contended"
    DUPLICATE = "duplicate"
    REWOUND = "rewound"
    REUSED = "reused"
    ALREADY_SWIPED = "already_swiped"
    TOKEN_USED = "token_used"  # noqa: S105
    OVER_LIMIT = "over_limit"
    OVER_SUPERLIKES = "over_superlikes"
    TOO_FAST = "too_fast"


class Settled(Enum):
    """What became of a swipe that is appended (settle.lua)."""

    STANDS = "stands"
    REWOUND = "rewound"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A swipe that asks for a place; `issued_ms`: when its card's token was made."""

    client_swipe_id: str
    candidate: int
    action: int
    issued_ms: int


@dataclass(frozen=True, slots=True)
class Reserved:
    """The state of one swipe; when it was reserved, and which own day was charged: both 0 unless it
    is to be appended."""

    state: State
    first_ms: int
    charged_on: int


@dataclass(frozen=True, slots=True)
class Reservations:
    """The states of a batch, in order; `new`: how many took a place now."""

    quota: Quota
    new: int
    states: tuple[Reserved, ...]


async def reserve(
    redis: Redis,
    person: int,
    zone: str,
    wanted: Sequence[Wanted],
    limits: Limits,
    places: int,
    now: datetime,
) -> Reservations:
    """Reserve a batch in one round trip, at most `places` of it. Safe to repeat: what is reserved
    is not charged again."""
    now_ms = int(now.timestamp() * 1000)
    names = [*keys.client_ids(person, now), keys.seen(person), keys.open_swipes(person)]
    names += [keys.rewound(person), keys.quota(person), keys.tier(person), keys.used(person)]
    arguments: list[Part] = [now_ms, own_day(zone, now)]
    arguments += [int(IDS_KEPT.total_seconds()), int(KEPT.total_seconds())]
    arguments += [ACCOUNT.capacity, ACCOUNT.per_s, places, *limits.swipes, *limits.superlikes]
    arguments += [w.client_swipe_id for w in wanted]
    arguments += [w.candidate for w in wanted]
    arguments += [w.action for w in wanted]
    arguments += [w.issued_ms for w in wanted]
    commands = [listed(person, now_ms), RESERVE.call(names, arguments)]
    _, reply = await run_all(redis, [RESERVE], commands)
    tier, day, swipes, superlikes, new, *flat = cast("list[int | bytes]", reply)
    each = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    return Reservations(
        Quota(int(tier), int(day), int(swipes), int(superlikes)),
        int(new),
        tuple(Reserved(_STATES[cast("bytes", s)], int(first), int(on)) for s, first, on in each),
    )


_STATES: Final = {state.value.encode(): state for state in State}


async def settle(
    redis: Redis,
    person: int,
    appended: Sequence[tuple[str, int, int]],
    now: datetime,
    also: Sequence[bytes] = (),
) -> list[Settled]:
    """Note that swipes are appended: client id, candidate and `first_ms` of each.

    `also`: commands for the same round trip.
    """
    commands = [*also]
    if appended:
        commands.append(settling(person, appended, now))
    replies: list[Reply] = await run_all(redis, [SETTLE, BUCKET], commands)
    return [Settled(each.decode()) for each in cast("list[bytes]", replies[-1])] if appended else []


def settling(person: int, appended: Sequence[tuple[str, int, int]], now: datetime) -> bytes:
    """The command of `settle`; `now`: when they were acknowledged."""
    names = [*keys.client_ids(person, now), keys.open_swipes(person), keys.last(person)]
    fields = [field for one in appended for field in one]
    return SETTLE.call(names, [int(now.timestamp() * 1000), *fields])
