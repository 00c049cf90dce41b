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

from contracts import events_pb2 as events
from features.wire import bulk, send_all
from interactions import copy_binary, keys
from interactions.copy_binary import BIGINT, TIMESTAMP, Columns

_SCORED: Final = (("person", BIGINT), ("other", BIGINT), ("at", TIMESTAMP))
_EPISODES: Final = (("person", BIGINT), ("other", BIGINT), ("state", BIGINT))
_BLOCKED: Final = (("person", BIGINT), ("other", BIGINT))
_TIMEOUT_S: Final = 600.0
_SEEN: Final = "select swiper, swiped, swiped_at from swipes"
# Standing likes nobody answered. Whoever is blocked or withdrawn is left out where it is read too.
_LIKES: Final = f"""
select s.swiped, s.swiper, s.swiped_at from swipes s
where s.action <> {events.ACTION_PASS}
  and not exists (select from swipes a where a.swiper = s.swiped and a.swiped = s.swiper)
  and not exists (select from blocks b where (b.blocker = s.swiper and b.blocked = s.swiped)
                                          or (b.blocker = s.swiped and b.blocked = s.swiper))
"""  # noqa: S608
_MATCHES: Final = """
select person, other, matched_at from match_members where ended_at is null
"""
_LATER_EPISODES: Final = """
select person, other, 2 * episode + (ended_at is not null)::int as state from match_members m
where episode > 1 or ended_at is not null
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

    It adds what is missing and removes nothing, so it may run while serving.
    """

    async def zsets(key: keys.OfPerson, query: str, column: str) -> int:
        rows = await _read(pool, query, column, _SCORED, persons)
        await send_all(redis, _zadds(key, rows))
        return len(rows)

    # Together, so that one is packed while Redis works on the other.
    seen, likes, matches = await asyncio.gather(
        zsets(keys.seen, _SEEN, "swiper"),
        zsets(keys.likes, _LIKES, "swiped"),
        zsets(keys.matches, _MATCHES, "person"),
    )
    episodes = await _read(pool, _LATER_EPISODES, "person", _EPISODES, persons)
    await send_all(redis, _hsets(episodes))
    blocked = await _read(pool, _BLOCKS, "blocker", _BLOCKED, persons)
    await send_all(redis, _sadds(blocked))
    return Filled(seen, likes, matches)


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


def _zadds(key: keys.OfPerson, rows: npt.NDArray[np.void]) -> Iterator[bytes]:
    """One ZADD a person; members `other`, scores from `at`."""
    members = _Members()
    for person, part in _groups(rows):
        ms = copy_binary.to_milliseconds(part["at"]).tolist()
        pairs = zip(ms, part["other"].tolist(), strict=True)
        body = [b"%b%b" % (bulk(keys.score(at)), members[other]) for at, other in pairs]
        yield _command(b"ZADD", key(person), 2 * len(body), body)


def _hsets(rows: npt.NDArray[np.void]) -> Iterator[bytes]:
    members = _Members()
    for person, part in _groups(rows):
        pairs = zip(part["other"].tolist(), part["state"].tolist(), strict=True)
        body = [b"%b%b" % (members[other], bulk(b"%d" % state)) for other, state in pairs]
        yield _command(b"HSET", keys.episodes(person), 2 * len(body), body)


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
