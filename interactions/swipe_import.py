"""Swipes of the past, written in bulk: no events, the same truth as if they had come live."""

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Final

import asyncpg
import numpy as np
import numpy.typing as npt

from contracts import events_pb2 as events
from interactions import copy_binary
from interactions.copy_binary import BIGINT, BOOLEAN, SMALLINT, TIMESTAMP
from interactions.locks import lock_out_matchers

if TYPE_CHECKING:
    import pyarrow as pa

_PAIR: Final = (("swiper", BIGINT), ("swiped", BIGINT))
_SWIPES: Final = (
    *_PAIR,
    ("action", SMALLINT),
    ("swiped_at", TIMESTAMP),
    ("simulated", BOOLEAN),
)
_TIMEOUT_S: Final = 600.0
_STAGING: Final = """
create temporary table if not exists imported_likes (
    liker bigint not null, liked bigint not null, liked_at timestamptz not null
) on commit delete rows
"""
_LIKES: Final = (("liker", BIGINT), ("liked", BIGINT), ("liked_at", TIMESTAMP))
_KNOWN: Final = "select swiper, swiped from swipes where swiper = any($1::bigint[])"
# One row a mutual like of which at least one side is new, at the later of the two times. Pairs
# with a match of any age stay as they are; blocked and withdrawn people match nobody.
_MATCH: Final = """
with mutual as (
    select distinct on (low, high) least(l.liker, l.liked) as low,
           greatest(l.liker, l.liked) as high, greatest(l.liked_at, s.swiped_at) as matched_at
    from imported_likes l
    join swipes s on s.swiper = l.liked and s.swiped = l.liker and s.action <> $1
), made as (
    insert into matches (low, high, match_id, matched_at)
    select low, high, gen_random_uuid(), matched_at from mutual m
    where not exists (select from blocks b where (b.blocker = m.low and b.blocked = m.high)
                                             or (b.blocker = m.high and b.blocked = m.low))
      and not exists (select from withdrawn_persons w
                      where w.withdrawn and w.person in (m.low, m.high))
    on conflict do nothing
    returning low, high, match_id, matched_at
), members as (
    insert into match_members (person, other, match_id, matched_at)
    select low, high, match_id, matched_at from made
    union all select high, low, match_id, matched_at from made
)
select count(*) from made
"""

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ImportedSwipes:
    """What an import changed: the rows that were new, in the order given, and new matches."""

    recorded: "pa.Table"
    matches: int


async def import_swipes(pool: asyncpg.Pool, rows: "pa.Table") -> ImportedSwipes:
    """Write a table of schema SWIPES (n,): the first swipe of an ordered pair stands, over what is
    stored and within the table; mutual likes match at the later time. One transaction, and safe
    to repeat. Raises asyncpg.CheckViolationError where somebody swiped on themselves.
    """
    first = _first_of_each_pair(rows)
    async with pool.acquire() as conn, conn.transaction():
        await lock_out_matchers(conn)
        kept = await _unknown(conn, rows, first)
        await _write_swipes(conn, rows, kept)
        matches = await _write_matches(conn, rows, kept)
    return ImportedSwipes(rows.take(np.sort(kept)), matches)


def _first_of_each_pair(rows: "pa.Table") -> Int64s:
    """Row numbers, sorted by (swiper, swiped): the earliest row of each ordered pair."""
    swiper, swiped = rows["swiper"].to_numpy(), rows["swiped"].to_numpy()
    order = np.lexsort((_milliseconds(rows), swiped, swiper))
    same = (np.diff(swiper[order]) == 0) & (np.diff(swiped[order]) == 0)
    return order[np.r_[True, ~same]] if len(order) else order


def _milliseconds(rows: "pa.Table") -> Int64s:
    return rows["swiped_at"].to_numpy().astype("datetime64[ms]").astype(np.int64)


async def _unknown(conn: asyncpg.Connection, rows: "pa.Table", first: Int64s) -> Int64s:
    """Those of the row numbers `first` whose pair is not stored, in the same order."""
    if not len(first) or await conn.fetchval("select true from swipes limit 1") is None:
        return first
    swiper, swiped = rows["swiper"].to_numpy()[first], rows["swiped"].to_numpy()[first]
    stream = BytesIO()
    await conn.copy_from_query(
        _KNOWN, np.unique(swiper).tolist(), output=stream, format="binary", timeout=_TIMEOUT_S
    )
    known = copy_binary.decode(_PAIR, stream.getvalue())
    return first[~_among(swiper, swiped, known)]


def _among(swiper: Int64s, swiped: Int64s, known: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    """Whether each pair (n,) is one of the pairs of `known` (m,); pairs of (n,) are distinct."""
    both = np.concatenate((known["swiper"], swiper)), np.concatenate((known["swiped"], swiped))
    # A stable sort: the stored one of two equal pairs comes first.
    order = np.lexsort((both[1], both[0]))
    again = np.zeros(len(order), np.bool_)
    again[order[1:]] = (np.diff(both[0][order]) == 0) & (np.diff(both[1][order]) == 0)
    return again[len(known) :]


async def _write_swipes(conn: asyncpg.Connection, rows: "pa.Table", kept: Int64s) -> None:
    values = {
        "swiper": rows["swiper"].to_numpy()[kept],
        "swiped": rows["swiped"].to_numpy()[kept],
        "action": rows["action"].to_numpy()[kept],
        "swiped_at": copy_binary.to_timestamps(_milliseconds(rows)[kept]),
        "simulated": rows["simulated"].to_numpy(zero_copy_only=False)[kept],
    }
    await _copy(conn, "swipes", _SWIPES, values)


async def _write_matches(conn: asyncpg.Connection, rows: "pa.Table", kept: Int64s) -> int:
    likes = kept[rows["action"].to_numpy()[kept] != events.ACTION_PASS]
    values = {
        "liker": rows["swiper"].to_numpy()[likes],
        "liked": rows["swiped"].to_numpy()[likes],
        "liked_at": copy_binary.to_timestamps(_milliseconds(rows)[likes]),
    }
    await conn.execute(_STAGING)
    await _copy(conn, "imported_likes", _LIKES, values)
    await conn.execute("analyze imported_likes", timeout=_TIMEOUT_S)
    made: int = await conn.fetchval(_MATCH, events.ACTION_PASS, timeout=_TIMEOUT_S)
    return made


async def _copy(
    conn: asyncpg.Connection,
    table: str,
    columns: copy_binary.Columns,
    values: dict[str, npt.NDArray[np.generic]],
) -> None:
    await conn.copy_to_table(
        table,
        source=BytesIO(copy_binary.encode(columns, values)),
        columns=[name for name, _ in columns],
        format="binary",
        timeout=_TIMEOUT_S,
    )
