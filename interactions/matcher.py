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
    NO_SWIPE,
    Blocked,
    Effect,
    Kind,
    Match,
    MatchCreated,
    MatchEnded,
    Pair,
    PairErased,
    PairState,
    Swipe,
    SwipeRecorded,
    SwipeRuledOut,
    SwipeTakenBack,
    decide_all,
)
from interactions.locks import lock_out_imports

NAME: Final = "matcher"
LANE: Final = "interactions"
_BATCH: Final = 2000
# Scalar subqueries, so that every plan is one index look-up a row, whatever the statistics say. A
# swipe comes as 4 x its milliseconds + its action: one number decodes faster than a record.
_SWIPE_OF: Final = """coalesce(
    (select 4 * (date_part('epoch', swiped_at) * 1000)::bigint + action
     from swipes where swiper = p.{} and swiped = p.{}), 0)"""
_STATES: Final = f"""
select p.low, p.high,
    {_SWIPE_OF.format("low", "high")} as low_swipe,
    {_SWIPE_OF.format("high", "low")} as high_swipe,
    coalesce((select true from blocks where blocker = p.low and blocked = p.high),
             (select true from blocks where blocker = p.high and blocked = p.low),
             false) as blocked,
    greatest((select withdrawn::int + erased::int from withdrawn_persons where person = p.low),
             (select withdrawn::int + erased::int from withdrawn_persons where person = p.high), 0)
      as gone,
    (select (match_id, episode, (extract(epoch from matched_at) * 1000)::bigint,
             coalesce(end_reason, 0))
     from matches where low = p.low and high = p.high) as match
from unnest($1::bigint[], $2::bigint[]) as p(low, high)
"""  # noqa: S608
_SWIPES: Final = """
insert into swipes as s (swiper, swiped, action, swiped_at, charged_on)
select * from unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::timestamptz[], $5::int[])
on conflict (swiper, swiped) do update set
    action = excluded.action, swiped_at = excluded.swiped_at, charged_on = excluded.charged_on
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
# All that is kept of a pair of whom one is erased, but for the target's swipe.
_ERASE: Final = (
    """delete from swipes s using unnest($1::bigint[], $2::bigint[]) as e(a, b)
       where s.swiper = e.a and s.swiped = e.b""",
    """delete from matches m using unnest($1::bigint[], $2::bigint[]) as e(a, b)
       where m.low = least(e.a, e.b) and m.high = greatest(e.a, e.b)""",
    """delete from match_members m using unnest($1::bigint[], $2::bigint[]) as e(a, b)
       where (m.person = e.a and m.other = e.b) or (m.person = e.b and m.other = e.a)""",
    """delete from blocks k using unnest($1::bigint[], $2::bigint[]) as e(a, b)
       where (k.blocker = e.a and k.blocked = e.b) or (k.blocker = e.b and k.blocked = e.a)""",
)


def subscription() -> Subscription:
    """The matcher as a consumer."""
    return Subscription(NAME, (USER_SWIPES,), apply, _BATCH, prompt=True)


async def apply(conn: asyncpg.Connection, records: Sequence[Record]) -> None:
    """Decide a batch and write what it changes, in the caller's transaction.

    Raises InvalidRecord.
    """
    commands = [command_of(record) for record in records]
    await lock_out_imports(conn)
    states = await _states(conn, sorted({command.pair for command in commands}))
    decided = decide_all(states, commands)
    await _write_swipes(conn, decided.effects)
    await _write_blocks(conn, decided.effects)
    await _write_matches(conn, decided.effects)
    await _erase(conn, decided.effects)
    messages = [message for effect in decided.effects if (message := message_of(effect))]
    await outbox.put(conn, LANE, messages)


async def _states(conn: asyncpg.Connection, pairs: Sequence[Pair]) -> Mapping[Pair, PairState]:
    rows = await conn.fetch(_STATES, [pair.low for pair in pairs], [pair.high for pair in pairs])
    return {Pair(row["low"], row["high"]): _state(row) for row in rows}


def _state(row: asyncpg.Record) -> PairState:
    match = row["match"]
    return PairState(
        _swipe(row["low_swipe"]),
        _swipe(row["high_swipe"]),
        row["blocked"],
        withdrawn=row["gone"] > 0,
        erased=row["gone"] > 1,
        match=None if match is None else Match(str(match[0]), match[1], match[2], match[3]),
    )


def _swipe(packed: int) -> Swipe:
    return Swipe(packed % 4, packed // 4) if packed else NO_SWIPE


async def _write_swipes(conn: asyncpg.Connection, effects: Sequence[Effect]) -> None:
    # A swipe may be taken back in the batch that made it: the last state is the one to write.
    last: dict[tuple[int, int], tuple[Swipe, int]] = {}
    for effect in effects:
        command = effect.command
        if isinstance(effect, SwipeRecorded):
            swipe = Swipe(command.action, command.at_ms)
            last[command.actor, command.target] = swipe, command.charged_on
        elif isinstance(effect, SwipeTakenBack):
            up_to = max(effect.swipe.at_ms, command.swiped_ms)
            last[command.actor, command.target] = Swipe(0, up_to), 0
        elif isinstance(effect, SwipeRuledOut):
            last[command.actor, command.target] = Swipe(0, command.swiped_ms), 0
    if last:
        await conn.execute(
            _SWIPES,
            [swiper for swiper, _ in last],
            [swiped for _, swiped in last],
            [swipe.action for swipe, _ in last.values()],
            [at(swipe.at_ms) for swipe, _ in last.values()],
            [charged_on for _, charged_on in last.values()],
        )


async def _erase(conn: asyncpg.Connection, effects: Sequence[Effect]) -> None:
    # A command that came too late deletes nothing: what it is about is undone by the erasure's own.
    erasing = [e.command for e in effects if isinstance(e, PairErased)]
    commands = [command for command in erasing if command.kind is Kind.ERASE]
    for statement in _ERASE if commands else ():
        await conn.execute(statement, [c.actor for c in commands], [c.target for c in commands])


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
