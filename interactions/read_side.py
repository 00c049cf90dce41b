"""Rebuild the read side in Redis (seen, likes received, matches, blocks) from Postgres, in bulk."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import asyncpg
import numpy as np
import numpy.typing as npt
from redis.asyncio import Redis

from features.wire import bulk, send_all
from interactions import copy_binary, keys
from interactions.copy_binary import BIGINT, TIMESTAMP, Columns
from interactions.domain import LIKES
from interactions.read_updates import LIKE, MATCH, like_keys, match_keys

_SCORED: Final = (("person", BIGINT), ("other", BIGINT), ("at", TIMESTAMP))
_STATED: Final = (*_SCORED, ("state", BIGINT))
_BLOCKED: Final = (("person", BIGINT), ("other", BIGINT))
_TIMEOUT_S: Final = 600.0
_AT_ONCE: Final = 1000
_SEEN: Final = "select swiper, swiped, swiped_at from swipes where action <> 0"
# Standing likes nobody answered. Whoever is blocked or withdrawn is left out where it is read too.
_LIKES: Final = f"""
select s.swiped, s.swiper, s.swiped_at from swipes s
where s.action in {LIKES}
  and not exists (select from swipes a
                  where a.swiper = s.swiped and a.swiped = s.swiper and a.action <> 0)
  and not exists (select from blocks b where (b.blocker = s.swiper and b.blocked = s.swiped)
                                          or (b.blocker = s.swiped and b.blocked = s.swiper))
"""  # noqa: S608
_MATCHES: Final = """
select person, other, coalesce(ended_at, matched_at),
    (2 * episode + (ended_at is not null)::int)::bigint
from match_members
"""
_BLOCKS: Final = """
select blocker, blocked from blocks union all select blocked, blocker from blocks
"""


@dataclass(frozen=True, slots=True)
class Filled:
    """How many entries were written."""

    seen: int
    likes: int
    matches: int


async def fill(redis: Redis, pool: asyncpg.Pool, persons: Sequence[int] | None = None) -> Filled:
    """Write seen, likes, matches and blocks of `persons` (None: of everybody) from Postgres.

    It may run while serving: likes and matches go through the scripts of the live updates, so
    what was answered, blocked or ended since it was read stays so.
    """

    async def read(query: str, column: str, columns: Columns) -> npt.NDArray[np.void]:
        return await _read(pool, query, column, columns, persons)

    async def write_what_guards() -> int:
        seen = await read(_SEEN, "swiper", _SCORED)
        await send_all(redis, _seen(seen))
        await send_all(redis, _sadds(await read(_BLOCKS, "blocker", _BLOCKED)))
        return len(seen)

    # Together, so that one is read and decoded while Redis works on the other.
    seen, likes, matches = await asyncio.gather(
        write_what_guards(), read(_LIKES, "swiped", _SCORED), read(_MATCHES, "person", _STATED)
    )
    for script in (LIKE, MATCH):
        await redis.script_load(script.text)
    await send_all(redis, _likes(likes))
    await send_all(redis, _matches(matches))
    return Filled(seen, len(likes), int(np.sum(matches["state"] % 2 == 0)))


async def _read(
    pool: asyncpg.Pool, query: str, column: str, columns: Columns, persons: Sequence[int] | None
) -> npt.NDArray[np.void]:
    """The rows of a query, sorted by person."""
    names = ", ".join(name for name, _ in columns)
    whole = f"select * from ({query}) as q({names})"  # noqa: S608
    arguments = [] if persons is None else [list(persons)]
    if persons is not None:
        whole += " where person = any($1::bigint[])"
    stream = BytesIO()
    async with pool.acquire() as conn:
        await conn.copy_from_query(
            whole, *arguments, output=stream, format="binary", timeout=_TIMEOUT_S
        )
    rows = copy_binary.decode(columns, stream.getvalue())
    return rows[np.argsort(rows["person"], kind="stable")]


def _groups(rows: npt.NDArray[np.void]) -> Iterator[tuple[int, npt.NDArray[np.void]]]:
    """(person, rows of the person) of rows sorted by person."""
    firsts = np.flatnonzero(np.diff(rows["person"], prepend=-1))
    for part in np.split(rows, firsts[1:]) if len(rows) else []:
        yield int(part["person"][0]), part


def _seen(rows: npt.NDArray[np.void]) -> Iterator[bytes]:
    """A ZADD a person, and a ZREM: who was swiped does not wait for an answer any more."""
    members = _Members()
    for person, part in _groups(rows):
        others = [members[other] for other in part["other"].tolist()]
        body = [b"%b%b" % pair for pair in zip(_scores(part), others, strict=True)]
        yield _command(b"ZADD", keys.seen(person), 2 * len(body), body)
        yield _command(b"ZREM", keys.likes(person), len(others), others)


def _likes(rows: npt.NDArray[np.void]) -> Iterator[bytes]:
    members = _Members()
    for person, part in _pieces(rows):
        others = [members[other] for other in part["other"].tolist()]
        body = [b"%b%b" % pair for pair in zip(others, _scores(part), strict=True)]
        yield LIKE.call_packed(like_keys(person), 2 * len(body), b"".join(body))


def _matches(rows: npt.NDArray[np.void]) -> Iterator[bytes]:
    members = _Members()
    for person, part in _pieces(rows):
        others = [members[other] for other in part["other"].tolist()]
        states = [bulk(b"%d" % state) for state in part["state"].tolist()]
        body = [b"%b%b%b" % three for three in zip(others, _scores(part), states, strict=True)]
        yield MATCH.call_packed(match_keys(person), 3 * len(body), b"".join(body))


def _scores(part: npt.NDArray[np.void]) -> list[bytes]:
    return [bulk(keys.score(ms)) for ms in copy_binary.to_milliseconds(part["at"]).tolist()]


def _pieces(rows: npt.NDArray[np.void]) -> Iterator[tuple[int, npt.NDArray[np.void]]]:
    """As `_groups`, in pieces so small that no script keeps Redis from serving."""
    for person, part in _groups(rows):
        for start in range(0, len(part), _AT_ONCE):
            yield person, part[start : start + _AT_ONCE]


def _sadds(rows: npt.NDArray[np.void]) -> Iterator[bytes]:
    members = _Members()
    for person, part in _groups(rows):
        body = [members[other] for other in part["other"].tolist()]
        yield _command(b"SADD", keys.blocked(person), len(body), body)


def _command(name: bytes, key: str, count: int, body: Iterable[bytes]) -> bytes:
    head = b"*%d\r\n%b%b" % (2 + count, bulk(name), bulk(key.encode()))
    return b"%b%b" % (head, b"".join(body))


class _Members(dict[int, bytes]):
    """Ids as packed arguments, each made once."""

    def __missing__(self, other: int) -> bytes:
        made = self[other] = bulk(b"%d" % other)
        return made
