"""Rewinding: the swipe acknowledged last is taken back, within a window, also after a match."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, cast

import asyncpg
from redis.asyncio import Redis

from features.wire import Part
from gravity.bus import Producer
from gravity.card_tokens import (
    CardTokenExpired,
    CardTokenForged,
    CardTokenForOther,
    CardTokens,
)
from interactions import keys
from interactions.scripts import Script, run_all
from interactions.taking_back import Entry, listed, take_back

REWIND: Final = Script("rewind.lua")
WINDOW: Final = timedelta(minutes=5)
"""From the acknowledgement on, by the server's clock."""

_BEGUN: Final = b"begun"
_DONE: Final = b"done"


@dataclass(frozen=True, slots=True)
class Rewound:
    """On whom the swipe was, and when it was reserved."""

    candidate: int
    swiped_ms: int


class Why(Enum):
    """Why a swipe is not rewound (rewind.lua)."""

    UNKNOWN = "unknown"
    NOT_ACKNOWLEDGED = "not_acknowledged"
    NOT_THE_LAST = "not_the_last"
    TOO_LATE = "too_late"


class NotRewindable(Exception):
    """The swipe stays as it is."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


async def rewind(
    redis: Redis,
    pool: asyncpg.Pool,
    producer: Producer,
    person: int,
    client_swipe_id: str,
    now: datetime,
) -> Rewound:
    """Take back the swipe of a client id. Safe to repeat after any failure, and answered alike for
    three days.

    Raises NotRewindable; AppendFailed, RedisError: then it may have begun, and a repetition or
    the sweep ends it.
    """
    now_ms = int(now.timestamp() * 1000)
    names = [*keys.client_ids(person, now), keys.open_swipes(person), keys.last(person)]
    arguments: list[Part] = [client_swipe_id, now_ms, int(WINDOW.total_seconds() * 1000)]
    commands = [listed(person, now_ms), REWIND.call(names, arguments)]
    _, reply = await run_all(redis, [REWIND], commands)
    outcome, *rest = cast("list[bytes]", reply)
    if outcome not in (_BEGUN, _DONE):
        raise NotRewindable(Why(outcome.decode()))
    rewound = Rewound(int(rest[0]), int(rest[1]))
    if outcome == _BEGUN:
        entries = {rewound.candidate: Entry.parse(rest[2])}
        await take_back(redis, pool, producer, person, entries, now)
    return rewound


def renewed(
    tokens: CardTokens, token: str, viewer: int, rewound: Rewound, now: datetime
) -> str | None:
    """A card's token with the time of now: what was issued before the swipe is used up.

    None where it is not a valid token of the viewer for the candidate.
    """
    now_ms = int(now.timestamp() * 1000)
    try:
        claims = tokens.open(token, viewer, rewound.candidate, now_ms)
    except (CardTokenExpired, CardTokenForged, CardTokenForOther):
        return None
    return tokens.issue(replace(claims, issued_at_ms=max(now_ms, rewound.swiped_ms + 1)))
