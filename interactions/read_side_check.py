"""Comparing the read side in Redis with the truth in Postgres, for everybody, by whole arrays.

Not compared are likes to or from withdrawn people (nobody is shown them, and whether they are
there depends on when the ban came), and open reservations, whose swipes are in no log yet.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast

import asyncpg
import numpy as np
import numpy.typing as npt
from redis.asyncio import Redis

from features.wire import packed, round_trip
from interactions import truth

Int64s = npt.NDArray[np.int64]
Kind = Literal["seen", "likes", "matches", "blocked"]
Side = Literal["redis", "postgres"]
_QUERIES: Final[Mapping[Kind, truth.Query]] = {
    "seen": truth.SEEN,
    "likes": truth.LIKES,
    "matches": truth.STANDING,
    "blocked": truth.BLOCKED,
}
_RESERVED: Final = "reserved"
_AT_ONCE: Final = 2000
_SCANNED: Final = 5000


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """A pair that is in a list of the person on one side only."""

    kind: Kind
    person: int
    other: int
    only_in: Side


@dataclass(frozen=True, slots=True)
class Pairs:
    """Ordered pairs (n,) of a list: person, other; `score` as Redis has it, 0 elsewhere."""

    person: Int64s
    other: Int64s
    score: npt.NDArray[np.float64]

    @classmethod
    def of(cls, person: npt.ArrayLike, other: npt.ArrayLike) -> "Pairs":
        persons = np.asarray(person, np.int64)
        return cls(persons, np.asarray(other, np.int64), np.zeros(len(persons)))

    def take(self, at: npt.NDArray[np.generic]) -> "Pairs":
        return Pairs(self.person[at], self.other[at], self.score[at])


@dataclass(frozen=True, slots=True)
class Compared:
    """Differences, and the scores of those that are only in Redis."""

    scores: Mapping[Difference, float]

    @property
    def differences(self) -> set[Difference]:
        return set(self.scores)


async def no_pause() -> None:
    """Between two comparisons of stores at rest there is nothing to wait for."""


async def differences(
    pool: asyncpg.Pool, redis: Redis, settled: Callable[[], Awaitable[None]] = no_pause
) -> list[Difference]:
    """What differs, of everybody, in two comparisons. Between the two `settled` returns when all
    that was under way has arrived: while people swipe, the stores are never read at one moment.
    """
    return sorted((await confirmed(pool, redis, settled)).differences)


async def confirmed(
    pool: asyncpg.Pool, redis: Redis, settled: Callable[[], Awaitable[None]]
) -> Compared:
    """As `differences`, with scores; the second comparison is of the people of the first only."""
    first = await compare(pool, redis, None)
    if not first.scores:
        return first
    await settled()
    again = await compare(pool, redis, sorted({d.person for d in first.scores}))
    both = first.differences & again.differences
    return Compared({one: again.scores[one] for one in both})


async def compare(pool: asyncpg.Pool, redis: Redis, persons: Sequence[int] | None) -> Compared:
    """One comparison, of `persons` or of everybody."""
    known = await _people_of_keys(redis, persons)
    reserved = await _open_reservations(redis, known.pop(_RESERVED, []))
    withdrawn = await _withdrawn(pool)
    found: dict[Difference, float] = {}
    for kind, query in _QUERIES.items():
        # Redis first: what the API writes is there before it is in Postgres.
        live = await _live(redis, kind, known.get(kind, []))
        async with pool.acquire() as conn:
            rows = await truth.read(conn, query, persons)
        true = Pairs.of(rows["person"], rows["other"])
        only_live, only_true = _apart(live, true)
        if kind == "seen":
            only_live, _ = _apart(only_live, reserved)
        if kind == "likes":
            only_live, only_true = _not_of(only_live, withdrawn), _not_of(only_true, withdrawn)
        found |= _differences(kind, only_live, "redis") | _differences(kind, only_true, "postgres")
    return Compared(found)


def _apart(a: Pairs, b: Pairs) -> tuple[Pairs, Pairs]:
    """The pairs of `a` that `b` lacks, and the reverse."""
    person = np.concatenate((a.person, b.person))
    other = np.concatenate((a.other, b.other))
    # Dense numbers, so that a pair is one number.
    _, rows = np.unique(person, return_inverse=True)
    others, columns = np.unique(other, return_inverse=True)
    codes = rows.astype(np.int64) * max(1, len(others)) + columns
    in_a, in_b = codes[: len(a.person)], codes[len(a.person) :]
    return a.take(~np.isin(in_a, in_b)), b.take(~np.isin(in_b, in_a))


def _not_of(pairs: Pairs, people: Int64s) -> Pairs:
    return pairs.take(~(np.isin(pairs.person, people) | np.isin(pairs.other, people)))


def _differences(kind: Kind, pairs: Pairs, side: Side) -> dict[Difference, float]:
    columns = (pairs.person.tolist(), pairs.other.tolist(), pairs.score.tolist())
    return {Difference(kind, p, o, side): score for p, o, score in zip(*columns, strict=True)}


async def _withdrawn(pool: asyncpg.Pool) -> Int64s:
    rows = await pool.fetch("select person from withdrawn_persons where withdrawn")
    return np.array([row["person"] for row in rows], np.int64)


async def _people_of_keys(redis: Redis, persons: Sequence[int] | None) -> dict[str, list[int]]:
    """Whose lists there may be in Redis, by the name of the list."""
    names = (*_QUERIES, _RESERVED)
    if persons is not None:
        return {name: list(persons) for name in names}
    found: dict[str, set[int]] = {name: set() for name in names}
    async for key in redis.scan_iter(match="[slmbr]*:{*}", count=_SCANNED):
        name, _, rest = key.decode().partition(":")
        if name in found:
            found[name].add(int(rest.strip("{}")))
    return {name: sorted(people) for name, people in found.items()}


async def _live(redis: Redis, kind: Kind, people: Sequence[int]) -> Pairs:
    """The entries of the lists of a kind."""
    if kind == "blocked":
        return await _entries(redis, people, lambda p: (b"SMEMBERS", b"blocked:{%d}" % p), 1)
    name = kind.encode()
    ranged = (b"0", b"-1", b"WITHSCORES")
    return await _entries(redis, people, lambda p: (b"ZRANGE", b"%b:{%d}" % (name, p), *ranged), 2)


async def _open_reservations(redis: Redis, people: Sequence[int]) -> Pairs:
    return await _entries(redis, people, lambda p: (b"HKEYS", b"reserved:{%d}" % p), 1)


async def _entries(
    redis: Redis, people: Sequence[int], ask: Callable[[int], tuple[bytes, ...]], width: int
) -> Pairs:
    """The members that a command answers for each person; with width 2 each has a score."""
    parts: list[Pairs] = []
    for start in range(0, len(people), _AT_ONCE):
        some = people[start : start + _AT_ONCE]
        commands = b"".join(packed(*ask(person)) for person in some)
        replies = cast("list[list[bytes]]", await round_trip(redis, commands, len(some)))
        parts.append(_columns(some, replies, width))
    empty = Pairs.of([], [])
    together = [empty, *parts]
    return Pairs(
        np.concatenate([part.person for part in together]),
        np.concatenate([part.other for part in together]),
        np.concatenate([part.score for part in together]),
    )


def _columns(people: Sequence[int], replies: Sequence[list[bytes]], width: int) -> Pairs:
    counts = [len(reply) // width for reply in replies]
    flat = [part for reply in replies for part in reply]
    person = np.repeat(np.array(people, np.int64), counts)
    other = np.array(flat[::width], "S20").astype(np.int64)
    if width == 1:
        return Pairs.of(person, other)
    return Pairs(person, other, np.array(flat[1::width], "S24").astype(np.float64))
