"""Swipes of the past, written in bulk: no events, the same truth as if they had come live.

Within the table everything is decided by arrays; Postgres is asked only about what it had before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Final

import asyncpg
import numpy as np
import numpy.typing as npt

from contracts import events_pb2 as events
from interactions import copy_binary
from interactions.copy_binary import BIGINT, BOOLEAN, SMALLINT, TIMESTAMP, Columns, Int64s
from interactions.domain import LIKES
from interactions.locks import lock_out_matchers
from interactions.mutual_likes import Likes, Mutual, earliest_per_pair, mutual_within, newest_first

if TYPE_CHECKING:
    import pyarrow as pa

_SWIPES: Final = (
    ("swiper", BIGINT),
    ("swiped", BIGINT),
    ("action", SMALLINT),
    ("swiped_at", TIMESTAMP),
    ("simulated", BOOLEAN),
)
_INCOMING: Final = (("n", BIGINT), *_SWIPES[:3])
_KNOWN: Final = (("n", BIGINT),)
_ANSWERED: Final = (("n", BIGINT), ("swiped_at", TIMESTAMP))
_MUTUAL: Final = (("low", BIGINT), ("high", BIGINT), ("matched_at", TIMESTAMP))
_TIMEOUT_S: Final = 600.0
_STAGE: Final = """
create temporary table incoming (
    n bigint not null, swiper bigint not null, swiped bigint not null, action smallint not null
) on commit drop
"""
_STAGE_MUTUAL: Final = """
create temporary table mutual (
    low bigint not null, high bigint not null, matched_at timestamptz not null
) on commit drop
"""
_WHICH_ARE_KNOWN: Final = """
select i.n from incoming i join swipes s on s.swiper = i.swiper and s.swiped = i.swiped
"""
_WHICH_ARE_ANSWERED: Final = f"""
select i.n, s.swiped_at from incoming i join swipes s on s.swiper = i.swiped and s.swiped = i.swiper
where i.action <> {events.ACTION_PASS} and s.action in {LIKES}
"""  # noqa: S608
# Pairs with a match of any age stay as they are; blocked and withdrawn people match nobody.
_MATCH: Final = """
with made as (
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
_NEVER_ANALYZED: Final = """
select true from pg_class
where relname like 'swipes\\__' and relkind = 'r' and reltuples < 0 limit 1
"""


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
        stored = await _stored(conn, rows, first)
        kept = np.setdiff1d(first, stored.known["n"], assume_unique=True)
        mutual = _mutual(rows, kept, stored)
        await _write_swipes(conn, rows, kept)
        matches = await _write_matches(conn, mutual)
    await _analyze_once(pool)
    return ImportedSwipes(rows.take(kept), matches)


@dataclass(frozen=True, slots=True)
class _Stored:
    """What Postgres had: numbers of rows whose pair is `known`; of likes that were `answered` by
    a like, with its time."""

    known: npt.NDArray[np.void]
    answered: npt.NDArray[np.void]


def _first_of_each_pair(rows: "pa.Table") -> Int64s:
    """Row numbers: the earliest row of each ordered pair."""
    swiper, swiped = rows["swiper"].to_numpy(), rows["swiped"].to_numpy()
    return earliest_per_pair(swiper, swiped, _milliseconds(rows))


def _milliseconds(rows: "pa.Table") -> Int64s:
    return rows["swiped_at"].to_numpy().astype("datetime64[ms]").astype(np.int64)


async def _stored(conn: asyncpg.Connection, rows: "pa.Table", first: Int64s) -> _Stored:
    if await conn.fetchval("select true from swipes limit 1") is None:
        nothing = np.empty(0, [("n", "i8"), ("swiped_at", "i8")])
        return _Stored(nothing, nothing)
    await conn.execute(_STAGE)
    values = {name: rows[name].to_numpy()[first] for name in ("swiper", "swiped", "action")}
    await _copy(conn, "incoming", _INCOMING, {"n": first, **values})
    await conn.execute("analyze incoming", timeout=_TIMEOUT_S)
    return _Stored(
        await _read(conn, _WHICH_ARE_KNOWN, _KNOWN),
        await _read(conn, _WHICH_ARE_ANSWERED, _ANSWERED),
    )


def _mutual(rows: "pa.Table", kept: Int64s, stored: _Stored) -> Mutual:
    """Mutual likes of which at least one side is among the rows `kept`."""
    swiper, swiped = rows["swiper"].to_numpy(), rows["swiped"].to_numpy()
    at = _milliseconds(rows)
    likes = kept[rows["action"].to_numpy()[kept] != events.ACTION_PASS]
    within = mutual_within(Likes(swiper[likes], swiped[likes], at[likes]))
    answered = stored.answered[np.isin(stored.answered["n"], likes)]
    n, other_at = answered["n"], copy_binary.to_milliseconds(answered["swiped_at"])
    across = Mutual(
        np.minimum(swiper[n], swiped[n]),
        np.maximum(swiper[n], swiped[n]),
        np.maximum(at[n], other_at),
    )
    return newest_first(within, across)


async def _write_swipes(conn: asyncpg.Connection, rows: "pa.Table", kept: Int64s) -> None:
    swiper, swiped = rows["swiper"].to_numpy()[kept], rows["swiped"].to_numpy()[kept]
    # In the index's order: its pages are filled one after the other.
    order = np.lexsort((swiped, swiper))
    values = {
        "swiper": swiper[order],
        "swiped": swiped[order],
        "action": rows["action"].to_numpy()[kept][order],
        "swiped_at": copy_binary.to_timestamps(_milliseconds(rows)[kept][order]),
        "simulated": rows["simulated"].to_numpy(zero_copy_only=False)[kept][order],
    }
    await _copy(conn, "swipes", _SWIPES, values)


async def _write_matches(conn: asyncpg.Connection, mutual: Mutual) -> int:
    if not len(mutual.low):
        return 0
    values = {
        "low": mutual.low,
        "high": mutual.high,
        "matched_at": copy_binary.to_timestamps(mutual.matched_ms),
    }
    await conn.execute(_STAGE_MUTUAL)
    await _copy(conn, "mutual", _MUTUAL, values)
    await conn.execute("analyze mutual", timeout=_TIMEOUT_S)
    made: int = await conn.fetchval(_MATCH, timeout=_TIMEOUT_S)
    return made


async def _analyze_once(pool: asyncpg.Pool) -> None:
    """Without statistics the first plans over a table just filled are bad ones."""
    if await pool.fetchval(_NEVER_ANALYZED):
        await pool.execute("analyze swipes, matches, match_members", timeout=_TIMEOUT_S)


async def _copy(
    conn: asyncpg.Connection, table: str, columns: Columns, values: Mapping[str, npt.ArrayLike]
) -> None:
    await conn.copy_to_table(
        table,
        source=BytesIO(copy_binary.encode(columns, values)),
        columns=[name for name, _ in columns],
        format="binary",
        timeout=_TIMEOUT_S,
    )


async def _read(conn: asyncpg.Connection, query: str, columns: Columns) -> npt.NDArray[np.void]:
    stream = BytesIO()
    await conn.copy_from_query(query, output=stream, format="binary", timeout=_TIMEOUT_S)
    return copy_binary.decode(columns, stream.getvalue())
