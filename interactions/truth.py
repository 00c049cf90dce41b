"""What the read side should hold, read from Postgres: whole columns by COPY, sorted by person."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import asyncpg
import numpy as np
import numpy.typing as npt

from contracts import events_pb2 as events
from interactions import copy_binary
from interactions.copy_binary import BIGINT, TIMESTAMP, Columns
from interactions.domain import LIKES as LIKE_ACTIONS

Rows = npt.NDArray[np.void]
_TIMEOUT_S: Final = 600.0
_PAIR: Final = (("person", BIGINT), ("other", BIGINT))
_SCORED: Final = (*_PAIR, ("at", TIMESTAMP))
_STATED: Final = (*_SCORED, ("state", BIGINT), ("reason", BIGINT), ("tell", BIGINT))
_PARTED: Final = f"({events.MATCH_END_UNMATCH}, {events.MATCH_END_BLOCK})"


@dataclass(frozen=True, slots=True)
class Query:
    """Rows whose columns are `columns`; the first is the person whose list they are in."""

    sql: str
    columns: Columns


Read = Callable[[Query], Awaitable[Rows]]

SEEN: Final = Query("select swiper, swiped, swiped_at from swipes where action <> 0", _SCORED)
# The row of a swipe taken back stays with its time.
TAKEN_BACK: Final = Query("select swiper, swiped, swiped_at from swipes where action = 0", _SCORED)
UNLIKED: Final = Query("select swiped, swiper, swiped_at from swipes where action = 0", _SCORED)
# Standing likes nobody answered, of pairs that may still match. Whoever is withdrawn is left out
# where the list is read: a ban may be lifted.
_LIKES_SQL: Final = f"""
select s.swiped, s.swiper, s.swiped_at from swipes s
where s.action in {LIKE_ACTIONS}
  and not exists (select from swipes a
                  where a.swiper = s.swiped and a.swiped = s.swiper and a.action <> 0)
  and not exists (select from blocks b where b.blocker = s.swiper and b.blocked = s.swiped)
  and not exists (select from blocks b where b.blocker = s.swiped and b.blocked = s.swiper)
  and not exists (select from matches m where m.low = least(s.swiper, s.swiped)
                  and m.high = greatest(s.swiper, s.swiped) and m.end_reason in {_PARTED})
"""  # noqa: S608
LIKES: Final = Query(_LIKES_SQL, _SCORED)
# Every episode that is the newest of its pair, ended ones too. Clients are told only of what is so
# young that its event may be under way: an import of old matches is no news.
MATCHES: Final = Query(
    """
    select mm.person, mm.other, coalesce(mm.ended_at, mm.matched_at),
        (2 * mm.episode + (mm.ended_at is not null)::int)::bigint,
        case when mm.ended_at is null then 0 else coalesce(
            (select end_reason from matches m where m.low = least(mm.person, mm.other)
             and m.high = greatest(mm.person, mm.other)), 0) end::bigint,
        (coalesce(mm.ended_at, mm.matched_at) > now() - interval '1 day')::int::bigint
    from match_members mm
    """,
    _STATED,
)
STANDING: Final = Query(
    "select person, other, matched_at from match_members where ended_at is null", _SCORED
)
BLOCKED: Final = Query(
    f"""
    select blocker, blocked from blocks
    union select blocked, blocker from blocks
    union select low, high from matches where end_reason in {_PARTED}
    union select high, low from matches where end_reason in {_PARTED}
    """,  # noqa: S608
    _PAIR,
)


async def read(conn: asyncpg.Connection, query: Query, persons: Sequence[int] | None) -> Rows:
    """The rows of a query, of `persons` or of everybody, sorted by person."""
    names = ", ".join(name for name, _ in query.columns)
    whole = f"select * from ({query.sql}) as q({names})"  # noqa: S608
    if persons is None:
        return await _copy(conn, whole, query.columns)
    whole += " where person = any($1::bigint[])"
    return await _copy(conn, whole, query.columns, list(persons))


async def read_likes_of(conn: asyncpg.Connection, person: int) -> Rows:
    """The rows of LIKES in which the person is either of the two, sorted by who was liked."""
    whole = f"{_LIKES_SQL} and (s.swiper = $1 or s.swiped = $1)"
    return await _copy(conn, whole, _SCORED, person)


async def _copy(conn: asyncpg.Connection, query: str, columns: Columns, *arguments: object) -> Rows:
    stream = BytesIO()
    await conn.copy_from_query(
        query, *arguments, output=stream, format="binary", timeout=_TIMEOUT_S
    )
    rows = copy_binary.decode(columns, stream.getvalue())
    return rows[np.argsort(rows["person"], kind="stable")]
