"""What people's days were charged: Redis against the swipes recorded in Postgres.

A swipe's row names the swiper's own day that it was charged on. What stands there is the least
that is charged: on top come reservations whose swipes are not known as appended, and swipes on
people who were erased since, whose rows are gone.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

import asyncpg
import numpy as np
from redis.asyncio import Redis

from contracts import events_pb2 as events
from features.wire import packed, round_trip, send_all
from interactions import keys, truth
from interactions.copy_binary import BIGINT
from interactions.quotas import KEPT, own_day
from interactions.scripts import Script
from interactions.taking_back import Entry, Mark

CHARGE: Final = Script("charge.lua")
_AT_ONCE: Final = 2000
_SCANNED: Final = 5000
_CHARGED: Final = """
select swiper, charged_on::bigint, count(*) filter (where action <> {superlike}),
    count(*) filter (where action = {superlike})
from swipes where action <> 0 and charged_on >= {since} group by swiper, charged_on
"""
_COLUMNS: Final = tuple((name, BIGINT) for name in ("person", "day", "swipes", "superlikes"))
_ERASED: Final = (
    "select count(*) from withdrawn_persons where erased and decided_at > $1::timestamptz"
)


@dataclass(frozen=True, slots=True, order=True)
class ChargeDifference:
    """A person's own day on which Redis has charged less than was recorded, or more than that and
    what is reserved. Swipes and superlikes are of Redis, then of Postgres."""

    person: int
    day: int
    swipes: tuple[int, int]
    superlikes: tuple[int, int]


_State = tuple[bytes | None, ...]
_Found = dict[int, tuple[_State, ChargeDifference]]
"""By person: the charge as Redis holds it, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class _Recorded:
    """Of a person's latest day of which a swipe stands."""

    day: int
    swipes: int
    superlikes: int


@dataclass(frozen=True, slots=True)
class _Charged:
    """What Redis holds. `state`: as it is stored, which changes with every charge and refund;
    `open_swipes`, `open_superlikes`: reserved on the day, not known as appended; `in_motion`: a
    swipe is being taken back."""

    state: _State
    day: int
    swipes: int
    superlikes: int
    open_swipes: int
    open_superlikes: int
    in_motion: bool


_NOTHING: Final = _Recorded(-1, 0, 0)
_NOT_CHARGED: Final = _Charged((None,) * 4, -1, 0, 0, 0, 0, in_motion=False)


async def restore(redis: Redis, pool: asyncpg.Pool, now: datetime) -> int:
    """Charge everybody's current day what was recorded on it; returns of how many people.

    It may run while serving: nobody's charge falls. A swipe that is being taken back meanwhile may
    stay charged until the day is over; one that was made after the loss and is not in Postgres yet
    is charged by the next run.
    """
    recorded = await _recorded(pool, now, None)
    await redis.script_load(CHARGE.text)
    await send_all(redis, _charges(recorded))
    return len(recorded)


def _charges(recorded: Mapping[int, _Recorded]) -> Iterator[bytes]:
    kept_s = int(KEPT.total_seconds())
    for person, of in recorded.items():
        yield CHARGE.call([keys.quota(person)], [of.day, of.swipes, of.superlikes, kept_s])


async def differences(
    pool: asyncpg.Pool, redis: Redis, settled: Callable[[], Awaitable[None]], now: datetime
) -> list[ChargeDifference]:
    """What differs, of everybody, in two comparisons between which `settled` returns when all that
    was under way has arrived; of whoever swipes or rewinds meanwhile nothing is said.

    More in Redis is no difference up to the number of people who were erased lately.
    """
    first = await _compare(pool, redis, now, None)
    if not first:
        return []
    await settled()
    again = await _compare(pool, redis, now, sorted(first))
    return sorted(
        found
        for person, (state, found) in again.items()
        if person in first and first[person][0] == state
    )


async def _compare(
    pool: asyncpg.Pool, redis: Redis, now: datetime, persons: Sequence[int] | None
) -> _Found:
    # Redis first: a charge is there before its swipe is in Postgres.
    people = list(persons) if persons is not None else await _people(redis)
    charged = await _charged(redis, people)
    recorded = await _recorded(pool, now, persons)
    erased = int(await pool.fetchval(_ERASED, now - KEPT))
    since = _since(now)
    found: _Found = {}
    for person in charged.keys() | recorded.keys():
        live, true = charged.get(person, _NOT_CHARGED), recorded.get(person, _NOTHING)
        day = max(live.day, true.day)
        if live.in_motion or day < since:
            continue
        difference = _difference(person, day, live, true, erased)
        if difference is not None:
            found[person] = (live.state, difference)
    return found


def _difference(
    person: int, day: int, live: _Charged, true: _Recorded, erased: int
) -> ChargeDifference | None:
    has = (live.swipes, live.superlikes) if live.day == day else (0, 0)
    least = (true.swipes, true.superlikes) if true.day == day else (0, 0)
    reserved = (live.open_swipes, live.open_superlikes)
    sides = list(zip(has, least, reserved, strict=True))
    if any(here < there or here > there + more + erased for here, there, more in sides):
        return ChargeDifference(person, day, (has[0], least[0]), (has[1], least[1]))
    return None


def _since(now: datetime) -> int:
    """The first day that may be somebody's current one: zones are up to a day behind."""
    return own_day("", now) - 1


async def _recorded(
    pool: asyncpg.Pool, now: datetime, persons: Sequence[int] | None
) -> dict[int, _Recorded]:
    sql = _CHARGED.format(superlike=events.ACTION_SUPERLIKE, since=_since(now))
    async with pool.acquire() as conn:
        rows = await truth.read(conn, truth.Query(sql, _COLUMNS), persons)
    # Of each person the latest day comes last, and stays.
    rows = rows[np.lexsort((rows["day"], rows["person"]))]
    columns = (rows[name].tolist() for name, _ in _COLUMNS)
    return {
        person: _Recorded(day, swipes, superlikes)
        for person, day, swipes, superlikes in zip(*columns, strict=True)
    }


async def _people(redis: Redis) -> list[int]:
    """Who has a quota in Redis."""
    found = redis.scan_iter(match="quota:{*}", count=_SCANNED)
    return sorted({int(key[len(b"quota:{") : -1]) async for key in found})


async def _charged(redis: Redis, people: Sequence[int]) -> dict[int, _Charged]:
    found: dict[int, _Charged] = {}
    for start in range(0, len(people), _AT_ONCE):
        some = people[start : start + _AT_ONCE]
        commands = [
            command
            for person in some
            for command in (
                packed(b"HMGET", keys.quota(person).encode(), b"d", b"n", b"s", b"t"),
                packed(b"HVALS", keys.open_swipes(person).encode()),
            )
        ]
        replies = await round_trip(redis, b"".join(commands), len(commands))
        for person, counts, entries in zip(some, replies[::2], replies[1::2], strict=True):
            found[person] = _charge_of(
                cast("list[bytes | None]", counts), cast("list[bytes]", entries)
            )
    return found


def _charge_of(counts: Sequence[bytes | None], entries: Sequence[bytes]) -> _Charged:
    day, swipes, superlikes = (int(each or 0) for each in counts[:3])
    opened = [Entry.parse(each) for each in entries]
    of_day = [entry.action for entry in opened if entry.day == day and entry.mark is Mark.OPEN]
    open_superlikes = of_day.count(events.ACTION_SUPERLIKE)
    return _Charged(
        tuple(counts),
        day if counts[0] else -1,
        swipes,
        superlikes,
        len(of_day) - open_superlikes,
        open_superlikes,
        any(entry.mark is not Mark.OPEN for entry in opened),
    )
