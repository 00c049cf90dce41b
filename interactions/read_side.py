"""Rebuild the read side in Redis (seen, likes received, matches, blocks) from Postgres, in bulk."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg
import numpy as np
import numpy.typing as npt
from redis.asyncio import Redis

from features.wire import bulk, send_all
from interactions import copy_binary, keys, truth
from interactions.read_updates import (
    KEPT,
    LIKE,
    MATCH,
    SCRIPTS,
    SWIPED,
    TAKEN_BACK,
    UNLIKED,
    like_keys,
    match_keys,
    swiped_keys,
    taken_back_keys,
    unliked_keys,
)

Rows = npt.NDArray[np.void]
_AT_ONCE: Final = 1000
_KEPT: Final = b"".join(bulk(b"%d" % number) for number in KEPT)


@dataclass(frozen=True, slots=True)
class Filled:
    """How many entries were written."""

    seen: int
    likes: int
    matches: int


async def fill(redis: Redis, pool: asyncpg.Pool, persons: Sequence[int] | None = None) -> Filled:
    """Write the read side of `persons` (None: of everybody) from Postgres.

    It may run while serving, since everything goes through the scripts of the live updates: what
    was answered, taken back, blocked or ended since it was read stays so. Beside marks of swipes
    taken back it only adds.
    """

    async def read(query: truth.Query) -> Rows:
        async with pool.acquire() as conn:
            return await truth.read(conn, query, persons)

    for script in SCRIPTS:
        await redis.script_load(script.text)
    # Together, so that one is read and decoded while Redis works on the other.
    seen, likes, matches = await asyncio.gather(
        _fill_guards(redis, read), read(truth.LIKES), read(truth.MATCHES)
    )
    await send_all(redis, _likes(likes))
    await send_all(redis, _matches(matches))
    return Filled(seen, len(likes), int(np.sum(matches["state"] % 2 == 0)))


async def restore_likes(redis: Redis, conn: asyncpg.Connection, person: int) -> int:
    """Write the likes that a person gave and received and that wait for an answer; how many."""
    likes = await truth.read_likes_of(conn, person)
    await redis.script_load(LIKE.text)
    await send_all(redis, _likes(likes))
    return len(likes)


async def _fill_guards(redis: Redis, read: truth.Read) -> int:
    """Write what decides about likes and matches, before those; returns how many were seen."""
    await send_all(redis, _taken_back(await read(truth.TAKEN_BACK)))
    await send_all(redis, _unliked(await read(truth.UNLIKED)))
    seen = await read(truth.SEEN)
    await send_all(redis, _seen(seen))
    await send_all(redis, _sadds(await read(truth.BLOCKED)))
    return len(seen)


def _groups(rows: Rows) -> Iterator[tuple[int, Rows]]:
    """(person, rows of the person) of rows sorted by person."""
    firsts = np.flatnonzero(np.diff(rows["person"], prepend=-1))
    for part in np.split(rows, firsts[1:]) if len(rows) else []:
        yield int(part["person"][0]), part


def _pieces(rows: Rows) -> Iterator[tuple[int, Rows]]:
    """As `_groups`, in pieces so small that no script keeps Redis from serving."""
    for person, part in _groups(rows):
        for start in range(0, len(part), _AT_ONCE):
            yield person, part[start : start + _AT_ONCE]


def _seen(rows: Rows) -> Iterator[bytes]:
    for person, others, part in _with_others(rows):
        body = [b"%b%b" % pair for pair in zip(others, _scores(part), strict=True)]
        yield SWIPED.call_packed(swiped_keys(person), 2 * len(body), b"".join(body))


def _likes(rows: Rows) -> Iterator[bytes]:
    for person, others, part in _with_others(rows):
        body = [b"%b%b" % pair for pair in zip(others, _scores(part), strict=True)]
        yield LIKE.call_packed(like_keys(person), 2 * len(body), b"".join(body))


def _taken_back(rows: Rows) -> Iterator[bytes]:
    # Which likes wait is read as a whole: no rewind brings one back here.
    none = bulk(b"0")
    for person, others, part in _with_others(rows):
        body = [b"%b%b%b" % (o, ms, none) for o, ms in zip(others, _times(part), strict=True)]
        yield TAKEN_BACK.call_packed(taken_back_keys(person), 3 * len(body), b"".join(body))


def _unliked(rows: Rows) -> Iterator[bytes]:
    for person, others, part in _with_others(rows):
        body = [b"%b%b" % pair for pair in zip(others, _times(part), strict=True)]
        yield UNLIKED.call_packed(unliked_keys(person), 2 * len(body), b"".join(body))


def _matches(rows: Rows) -> Iterator[bytes]:
    for person, others, part in _with_others(rows):
        columns = (_numbers(part[name]) for name in ("state", "reason", "tell"))
        body = [b"".join(each) for each in zip(others, _scores(part), *columns, strict=True)]
        count = 5 * len(body) + len(KEPT)
        yield MATCH.call_packed(match_keys(person), count, b"".join([*body, _KEPT]))


def _sadds(rows: Rows) -> Iterator[bytes]:
    members = _Members()
    for person, part in _groups(rows):
        body = [members[other] for other in part["other"].tolist()]
        yield _command(b"SADD", keys.blocked(person), len(body), body)


def _with_others(rows: Rows) -> Iterator[tuple[int, list[bytes], Rows]]:
    """(person, the others as packed arguments, rows) in pieces."""
    members = _Members()
    for person, part in _pieces(rows):
        yield person, [members[other] for other in part["other"].tolist()], part


def _scores(part: Rows) -> list[bytes]:
    return [bulk(keys.score(ms)) for ms in copy_binary.to_milliseconds(part["at"]).tolist()]


def _times(part: Rows) -> list[bytes]:
    return _numbers(copy_binary.to_milliseconds(part["at"]))


def _numbers(values: npt.NDArray[np.int64]) -> list[bytes]:
    return [bulk(b"%d" % value) for value in values.tolist()]


def _command(name: bytes, key: str, count: int, body: Iterable[bytes]) -> bytes:
    head = b"*%d\r\n%b%b" % (2 + count, bulk(name), bulk(key.encode()))
    return b"%b%b" % (head, b"".join(body))


class _Members(dict[int, bytes]):
    """Ids as packed arguments, each made once."""

    def __missing__(self, other: int) -> bytes:
        made = self[other] = bulk(b"%d" % other)
        return made
