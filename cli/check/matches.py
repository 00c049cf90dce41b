"""Matches against mutual likes, counted in Postgres."""

from dataclasses import dataclass

import asyncpg

_COUNT = """
with mutual as (
    select a.swiper as low, a.swiped as high
    from swipes a join swipes b on b.swiper = a.swiped and b.swiped = a.swiper
    where a.swiper < a.swiped and a.action <> 2 and b.action <> 2
)
select
    (select count(*) from matches where ended_at is null) as matches,
    (select count(*) - count(distinct (least(low, high), greatest(low, high))) from matches)
        + (select count(*) - count(distinct (person, other)) from match_members) as duplicates,
    (select count(*) from mutual m
        left join matches on matches.low = m.low and matches.high = m.high
        where matches.low is null) as missing
"""


@dataclass(frozen=True, slots=True)
class MatchCounts:
    """Standing matches, pairs with more than one, and mutual likes without any."""

    matches: int
    duplicates: int
    missing: int


async def count_matches(pool: asyncpg.Pool) -> MatchCounts:
    """Count over everything there is."""
    row = await pool.fetchrow(_COUNT)
    return MatchCounts(row["matches"], row["duplicates"], row["missing"])
