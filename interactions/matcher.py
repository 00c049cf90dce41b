"""The matcher: user.swipes -> swipes, matches, blocks and the outbox, one transaction a batch.

No lock between pairs: a pair's commands are in one partition, a partition has one matcher (the
position is moved by compare-and-set before anything else), and a batch is decided in memory.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg

from contracts.topics import USER_SWIPES
from gravity import outbox
from gravity.bus import Record
from gravity.consumer import Subscription
from interactions.commands import at, command_of, message_of
from interactions.domain import (
    Blocked,
    Effect,
    Match,
    MatchCreated,
    MatchEnded,
    Pair,
    PairState,
    SwipeRecorded,
    decide_all,
)
from interactions.locks import lock_out_imports

NAME: Final = "matcher"
LANE: Final = "interactions"
_BATCH: Final = 2000
# Scalar subqueries, so that every plan is one index look-up a row, whatever the statistics say.
_STATES: Final = """
select p.low, p.high,
    coalesce((select action from swipes where swiper = p.low and swiped = p.high), 0)
      as low_action,
    coalesce((select action from swipes where swiper = p.high and swiped = p.low), 0)
      as high_action,
    coalesce((select true from blocks where blocker = p.low and blocked = p.high),
             (select true from blocks where blocker = p.high and blocked = p.low),
             false) as blocked,
    coalesce((select withdrawn from withdrawn_persons where person = p.low), false)
      or coalesce((select withdrawn from withdrawn_persons where person = p.high), false)
      as withdrawn,
    (select (match_id, episode, (extract(epoch from matched_at) * 1000)::bigint,
             coalesce(end_reason, 0))
     from matches where low = p.low and high = p.high) as match
from unnest($1::bigint[], $2::bigint[]) as p(low, high)
"""
_SWIPES: Final = """
insert into swipes (swiper, swiped, action, swiped_at)
select * from unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::timestamptz[])
on conflict do nothing
"""
_BLOCKS: Final = """
insert into blocks (blocker, blocked, blocked_at)
select * from unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) on conflict do nothing
"""
_MATCHES: Final = """
with changed as (
    insert into matches as m
        (low, high, match_id, episode, matched_at, ended_at, end_reason)
    select * from unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::int[], $5::timestamptz[],
                         $6::timestamptz[], $7::smallint[])
    on conflict (low, high) do update set
        episode = excluded.episode, matched_at = excluded.matched_at,
        ended_at = excluded.ended_at, end_reason = excluded.end_reason
    returning low, high, match_id, episode, matched_at, ended_at
)
insert into match_members as m (person, other, match_id, episode, matched_at, ended_at)
select low, high, match_id, episode, matched_at, ended_at from changed
union all select high, low, match_id, episode, matched_at, ended_at from changed
on conflict (person, other) do update set
    episode = excluded.episode, matched_at = excluded.matched_at, ended_at = excluded.ended_at
"""


def subscription() -> Subscription:
    """The matcher as a consumer."""
    return Subscription(NAME, (USER_SWIPES,), apply, _BATCH)


async def apply(conn: asyncpg.Connection, records: Sequence[Record]) -> None:
    """Decide a batch and write what it changes, in the caller's transaction.

    Raises InvalidRecord.
    """
    commands = [command for record in records if (command := command_of(record)) is not None]
    await lock_out_imports(conn)
    states = await _states(conn, sorted({command.pair for command in commands}))
    decided = decide_all(states, commands)
    await _write_swipes(conn, decided.effects)
    await _write_blocks(conn, decided.effects)
    await _write_matches(conn, decided.effects)
    messages = [message for effect in decided.effects if (message := message_of(effect))]
    await outbox.put(conn, LANE, messages)


async def _states(conn: asyncpg.Connection, pairs: Sequence[Pair]) -> Mapping[Pair, PairState]:
    rows = await conn.fetch(_STATES, [pair.low for pair in pairs], [pair.high for pair in pairs])
    return {Pair(row["low"], row["high"]): _state(row) for row in rows}


def _state(row: asyncpg.Record) -> PairState:
    match = row["match"]
    return PairState(
        row["low_action"],
        row["high_action"],
        row["blocked"],
        row["withdrawn"],
        None if match is None else Match(str(match[0]), match[1], match[2], match[3]),
    )


async def _write_swipes(conn: asyncpg.Connection, effects: Sequence[Effect]) -> None:
    new = [effect.command for effect in effects if isinstance(effect, SwipeRecorded)]
    if new:
        await conn.execute(
            _SWIPES,
            [command.actor for command in new],
            [command.target for command in new],
            [command.action for command in new],
            [at(command.at_ms) for command in new],
        )


async def _write_blocks(conn: asyncpg.Connection, effects: Sequence[Effect]) -> None:
    new = [effect.command for effect in effects if isinstance(effect, Blocked)]
    if new:
        await conn.execute(
            _BLOCKS,
            [command.actor for command in new],
            [command.target for command in new],
            [at(command.at_ms) for command in new],
        )


async def _write_matches(conn: asyncpg.Connection, effects: Sequence[Effect]) -> None:
    # A pair may change twice in a batch: the last state is the one to write.
    changed = {
        effect.command.pair: effect
        for effect in effects
        if isinstance(effect, MatchCreated | MatchEnded)
    }
    if changed:
        last = list(changed.items())
        await conn.execute(
            _MATCHES,
            [pair.low for pair, _ in last],
            [pair.high for pair, _ in last],
            [effect.match.match_id for _, effect in last],
            [effect.match.episode for _, effect in last],
            [at(effect.match.matched_ms) for _, effect in last],
            [at(e.command.at_ms) if e.match.ended else None for _, e in last],
            [effect.match.ended or None for _, effect in last],
        )
