"""Reservations in Redis: the day's quota and the set of people seen, taken before the append.

A reservation is open until its swipe is known to be appended. `settle` comes before the
acknowledgement, so what is acknowledged is never swept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final, cast

import asyncpg
from redis.asyncio import Redis

from features.wire import packed, run
from interactions import keys
from interactions.domain import LIKES
from interactions.scripts import Script, run_all

RESERVE: Final = Script("reserve.lua")
GIVE_BACK: Final = Script("give_back.lua")
FORGET: Final = Script("forget_tried.lua")
KEPT: Final = timedelta(days=3)
"""How long a client's id is known; later, whoever was swiped is known by the seen set."""

PATIENCE: Final = timedelta(minutes=10)
_SWEEP_BATCH: Final = 200
_RECORDED: Final = """
select swiped from swipes where swiper = $1 and swiped = any($2::bigint[]) and action <> 0
"""
_LIKED_BY: Final = f"""
select swiper, swiped_at from swipes
where swiper = any($2::bigint[]) and swiped = $1 and action in {LIKES}
"""  # noqa: S608


class State(Enum):
    """What the reservation script says of a swipe."""

    APPEND = "append"
    DUPLICATE = "duplicate"
    ALREADY_SWIPED = "already_swiped"
    OVER_LIMIT = "over_limit"
    REUSED = "reused"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A swipe that asks for a place."""

    client_swipe_id: str
    candidate: int
    action: int


@dataclass(frozen=True, slots=True)
class Reserved:
    """The state of one swipe; `first_ms`: when its client id was first reserved."""

    state: State
    first_ms: int


@dataclass(frozen=True, slots=True)
class Reservations:
    """The states of a batch, in order, and how many swipes the day has been charged."""

    charged: int
    states: tuple[Reserved, ...]


async def reserve(
    redis: Redis, person: int, wanted: Sequence[Wanted], limit: int, now: datetime
) -> Reservations:
    """Reserve a batch in one round trip. Safe to repeat: what is reserved is not charged again."""
    now_ms = _ms(now)
    days = [keys.quota(person, now - timedelta(days=days)) for days in range(3)]
    names = [*days, keys.seen(person), keys.open_swipes(person)]
    fields = [part for w in wanted for part in (w.client_swipe_id, w.candidate, w.action)]
    day = f"{now.astimezone(UTC):%Y%m%d}"
    arguments = [now_ms, day, limit, int(KEPT.total_seconds()), *fields]
    # The list of who has reservations is on another slot and written first: a reservation that
    # no sweep can find would keep its place for ever.
    listed = packed(b"ZADD", keys.reserving(person).encode(), b"GT", b"%d" % now_ms, b"%d" % person)
    _, reply = await run_all(redis, [RESERVE], [listed, RESERVE.call(names, arguments)])
    charged, *flat = cast("list[bytes | int]", reply)
    pairs = zip(flat[::2], flat[1::2], strict=True)
    return Reservations(int(charged), tuple(_reserved(state, first) for state, first in pairs))


def _reserved(state: bytes | int, first: bytes | int) -> Reserved:
    return Reserved(State(cast("bytes", state).decode()), int(first))


async def settle(redis: Redis, person: int, candidates: Sequence[int], now: datetime) -> None:
    """Note that the swipes on `candidates` are appended."""
    if not candidates:
        return
    members = [b"%d" % candidate for candidate in candidates]
    scored = [part for member in members for part in (keys.score(_ms(now)), member)]
    seen, reserved = keys.seen(person).encode(), keys.open_swipes(person).encode()
    # Seen once more: a sweep may have come between, had this process slept for ten minutes.
    commands = [packed(b"ZADD", seen, *scored), packed(b"HDEL", reserved, *members)]
    await run_all(redis, [], commands)


async def sweep(redis: Redis, pool: asyncpg.Pool, now: datetime) -> int:
    """Return the places of swipes that nobody tried to append for ten minutes; how many."""
    returned = 0
    cutoff = _ms(now - PATIENCE)
    for shard in range(keys.RESERVING_SHARDS):
        key = keys.reserving_shard(shard)
        tried = await redis.zrangebyscore(
            key, "-inf", cutoff, start=0, num=_SWEEP_BATCH, withscores=True
        )
        for person, score in tried:
            returned += await _sweep_person(redis, pool, int(person), cutoff)
            await run_all(redis, [FORGET], [FORGET.call([key], [int(person), int(score)])])
    return returned


async def _sweep_person(redis: Redis, pool: asyncpg.Pool, person: int, cutoff: int) -> int:
    found = await run(redis.hgetall(keys.open_swipes(person)))
    stale = {int(c): value for c, value in found.items() if int(value.split(b":")[2]) <= cutoff}
    if not stale:
        return 0
    # Appended after all, by a process that died before it could settle.
    recorded = {row["swiped"] for row in await pool.fetch(_RECORDED, person, list(stale))}
    liked = {r["swiper"]: r["swiped_at"] for r in await pool.fetch(_LIKED_BY, person, list(stale))}
    commands = [
        packed(b"HDEL", keys.open_swipes(person).encode(), b"%d" % candidate)
        for candidate in recorded
    ]
    for candidate in stale.keys() - recorded:
        like = keys.score(_ms(liked[candidate])) if candidate in liked else b""
        commands.append(_give_back(person, candidate, stale[candidate], like))
    await run_all(redis, [GIVE_BACK], commands)
    return len(stale) - len(recorded)


def _give_back(person: int, candidate: int, value: bytes, like: bytes) -> bytes:
    day = datetime.strptime(value.split(b":")[0].decode(), "%Y%m%d").replace(tzinfo=UTC)
    tried = datetime.fromtimestamp(int(value.split(b":")[2]) / 1000, UTC)
    names = [keys.open_swipes(person), keys.seen(person), keys.quota(person, day)]
    names += [keys.likes(person), keys.quota(person, tried)]
    return GIVE_BACK.call(names, [candidate, value, like])


def _ms(when: datetime) -> int:
    return int(when.timestamp() * 1000)
