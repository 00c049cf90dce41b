"""Matches against mutual likes, counted in Postgres."""

from dataclasses import dataclass

import asyncpg

_COUNT = """
with mutual as (
    select a.swiper as low, a.swiped as high
    from swipes a join swipes b on b.swiper = a.swiped and b.swiped = a.swiper
    where a.swiper < a.swiped and a.action in (1, 3) and b.action in (1, 3)
      and not exists (select from matches where low = a.swiper and high = a.swiped
                                            and end_reason is not null)
      and not exists (select from blocks where (blocker, blocked) in ((a.swiper, a.swiped),
                                                                      (a.swiped, a.swiper)))
      and not exists (select from withdrawn_persons
                      where withdrawn and person in (a.swiper, a.swiped))
), told as (
    select least(person, other) as low, greatest(person, other) as high, match_id, episode,
        count(distinct person) as people
    from match_members where ended_at is null
    group by 1, 2, 3, 4
)
select
    (select count(*) from matches where ended_at is null) as matches,
    -- Told to two people under an id that is not the match's, or under the id of another pair's.
    (select count(*) from told left join matches using (low, high, match_id, episode)
        where matches.ended_at is not null or matches.low is null)
        + (select count(*) - count(distinct match_id) from matches) as duplicates,
    (select count(*) from mutual left join matches using (low, high) where match_id is null)
        + (select count(*) from matches left join told using (low, high, match_id, episode)
           where matches.ended_at is null and coalesce(told.people, 0) <> 2) as missing
"""


@dataclass(frozen=True, slots=True)
class MatchCounts:
    """Standing matches; what is told as a match and is none, or is another's; and mutual likes, of
    people who may match, that are no match or are not told to both."""

    matches: int
    duplicates: int
    missing: int


async def count_matches(pool: asyncpg.Pool) -> MatchCounts:
    """Count over everything there is."""
    row = await pool.fetchrow(_COUNT)
    return MatchCounts(row["matches"], row["duplicates"], row["missing"])
