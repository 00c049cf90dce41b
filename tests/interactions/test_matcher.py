"""The matcher on a real database: batches, redelivery, death between two statements."""

from dataclasses import replace
from datetime import datetime

import asyncpg
import numpy as np
import pytest

from contracts import events_pb2 as events
from contracts.topics import LIKE_RECEIVED, MATCH_CREATED, MATCH_ENDED, SWIPE_RECORDED, USER_SWIPES
from gravity import positions
from gravity.bus import Record
from gravity.consumer import InvalidRecord
from interactions import matcher
from interactions.domain import Command, Kind
from tests.interactions.reference import Reference, command
from tests.interactions.worlds import record_of

LIKE, PASS, SUPERLIKE = events.ACTION_LIKE, events.ACTION_PASS, events.ACTION_SUPERLIKE


async def handle(pool: asyncpg.Pool, *records: Record) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await matcher.apply(conn, records)


async def told(pool: asyncpg.Pool) -> list[tuple[str, int, int]]:
    """What the outbox holds, in order."""
    out: list[tuple[str, int, int]] = []
    for row in await pool.fetch("select topic, value from outbox order by id"):
        if row["topic"] == SWIPE_RECORDED.name:
            swipe = events.SwipeRecorded.FromString(row["value"])
            what = "taken back" if swipe.taken_back else "swipe"
            out.append((what, swipe.swiper, swipe.swiped))
        elif row["topic"] == LIKE_RECEIVED.name:
            like = events.LikeReceived.FromString(row["value"])
            out.append(("like", like.liker, like.liked))
        elif row["topic"] == MATCH_CREATED.name:
            match = events.MatchCreated.FromString(row["value"])
            out.append(("match", match.low, match.high))
        elif row["topic"] == MATCH_ENDED.name:
            ended = events.MatchEnded.FromString(row["value"])
            out.append(("end", ended.low, ended.high))
    return out


@pytest.mark.parametrize("seed", range(3))
async def test_random_batches_with_redelivery_and_deaths_do_what_the_reference_does(
    pairs: asyncpg.Pool, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    withdrawn = frozenset({5})
    await pairs.execute("insert into withdrawn_persons values (5, now(), true)")
    reference = Reference(withdrawn=withdrawn)
    steps: list[Command] = []
    for n in range(300):
        actor, target = (int(x) for x in draw.choice(12, 2, replace=False) + 1)
        steps.append(_step(n, actor, target, int(draw.integers(0, 12)), steps))
    at = 0
    while at < len(steps):
        batch = steps[max(0, at - int(draw.integers(0, 5))) : at + int(draw.integers(1, 40))]
        records = [record_of(one) for one in batch]
        if draw.random() < 0.3:
            with pytest.raises(ZeroDivisionError):
                await _die_at_the_end(pairs, records)
        await handle(pairs, *records)
        at = batch[-1].place.offset + 1
    for one in steps:
        reference.obey(one)

    assert await told(pairs) == reference.told
    rows = await pairs.fetch("select * from swipes where action <> 0")
    found = {(r["swiper"], r["swiped"]): (r["action"], _ms(r["swiped_at"])) for r in rows}
    assert found == reference.swipes
    rows = await pairs.fetch("select low, high, episode from matches where ended_at is null")
    standing = {frozenset((r["low"], r["high"])): r["episode"] for r in rows}
    assert standing == {pair: reference.matches[pair][0] for pair in reference.standing}
    rows = await pairs.fetch("select person, other from match_members where ended_at is null")
    assert sorted((r["person"], r["other"]) for r in rows) == sorted(
        pair for a, b in map(sorted, reference.standing) for pair in ((a, b), (b, a))
    )
    rows = await pairs.fetch("select blocker, blocked from blocks")
    assert {(r["blocker"], r["blocked"]) for r in rows} == reference.blocks


def _step(n: int, actor: int, target: int, draw: int, before: list[Command]) -> Command:
    """Mostly swipes; now and then each of the other commands."""
    if draw < 8:
        action = (LIKE, LIKE, LIKE, LIKE, PASS, PASS, SUPERLIKE, LIKE)[draw]
        return command(n, actor, target, action)
    if draw < 11:
        # The last swipe there was, whoever made it.
        last = next((c for c in reversed(before) if c.kind is Kind.SWIPE), None)
        if last is not None:
            place = last.place.offset
            return command(n, last.actor, last.target, kind=Kind.REWIND, swiped=place)
    return command(n, actor, target, kind=(Kind.BLOCK, Kind.UNMATCH)[n % 2])


def _ms(when: datetime) -> int:
    return round(when.timestamp() * 1000)


async def _die_at_the_end(pool: asyncpg.Pool, records: list[Record]) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await matcher.apply(conn, records)
        raise ZeroDivisionError


async def test_a_matcher_cut_off_between_two_statements_leaves_nothing(
    pairs: asyncpg.Pool, database_url: str
) -> None:
    dying = await asyncpg.connect(database_url)
    await positions.load(dying, matcher.NAME, [(USER_SWIPES.name, 0)])
    transaction = dying.transaction()
    await transaction.start()
    await positions.advance(
        dying, matcher.NAME, [positions.Move(USER_SWIPES.name, 0, old=0, new=1)]
    )
    await matcher.apply(dying, [record_of(command(0, 1, 2, LIKE))])
    dying.terminate()

    assert await pairs.fetchval("select count(*) from swipes") == 0
    assert await told(pairs) == []
    async with pairs.acquire() as conn:
        at = await positions.load(conn, matcher.NAME, [(USER_SWIPES.name, 0)])
    assert at[USER_SWIPES.name, 0] == 0


async def test_match_rows_say_when_and_how_it_ended(pairs: asyncpg.Pool) -> None:
    await handle(pairs, *(record_of(c) for c in (command(0, 9, 4, LIKE), command(1, 4, 9, LIKE))))
    await handle(pairs, record_of(command(2, 4, 9, kind=Kind.BLOCK)))
    row = await pairs.fetchrow("select * from matches")
    assert (row["low"], row["high"], row["episode"]) == (4, 9, 1)
    assert row["end_reason"] == events.MATCH_END_BLOCK
    assert row["ended_at"] > row["matched_at"]
    members = await pairs.fetch("select * from match_members order by person")
    assert [(m["person"], m["other"]) for m in members] == [(4, 9), (9, 4)]
    assert {(m["match_id"], m["ended_at"]) for m in members} == {(row["match_id"], row["ended_at"])}


async def test_events_carry_source_and_impression(pairs: asyncpg.Pool) -> None:
    like = command(7, 1, 2, LIKE)
    like.impression.deck_id, like.impression.position = "d", 3
    await handle(pairs, record_of(like))
    value = await pairs.fetchval("select value from outbox where topic = 'swipe.recorded'")
    swipe = events.SwipeRecorded.FromString(value)
    assert (swipe.source.partition, swipe.source.offset) == (0, 7)
    assert (swipe.impression.deck_id, swipe.impression.position) == ("d", 3)
    assert swipe.occurred_at_ms == like.at_ms


@pytest.mark.parametrize(("actor", "target", "action"), [(1, 1, LIKE), (0, 2, LIKE), (1, 2, 9)])
async def test_a_record_that_nobody_could_have_sent_is_invalid(
    pairs: asyncpg.Pool, actor: int, target: int, action: int
) -> None:
    with pytest.raises(InvalidRecord):
        await handle(pairs, record_of(command(0, actor, target, action)))


@pytest.mark.parametrize("at_ms", [-(2**63), -1, 2**53, 2**63 - 1])
async def test_a_time_that_no_clock_says_is_skipped(pairs: asyncpg.Pool, at_ms: int) -> None:
    with pytest.raises(InvalidRecord):
        await handle(pairs, record_of(replace(command(0, 1, 2, LIKE), at_ms=at_ms)))


async def test_nothing_stays_of_a_pair_that_is_erased_and_nothing_comes_back(
    pairs: asyncpg.Pool,
) -> None:
    before = [command(0, 1, 2, LIKE), command(1, 2, 1, LIKE), command(2, 2, 1, kind=Kind.BLOCK)]
    await handle(pairs, *map(record_of, [*before, command(3, 3, 2, LIKE)]))
    await pairs.execute("insert into withdrawn_persons values (1, now(), true, true)")
    erasing = [command(4, 1, 2, kind=Kind.ERASE), command(5, 2, 1, kind=Kind.ERASE)]
    for _ in range(2):
        await handle(pairs, *map(record_of, erasing))
    await handle(pairs, record_of(command(6, 2, 1, LIKE)), record_of(command(7, 1, 3, LIKE)))

    assert [(r["swiper"], r["swiped"]) for r in await pairs.fetch("select * from swipes")] == [
        (3, 2)
    ]
    for table in ("matches", "match_members", "blocks"):
        assert await pairs.fetchval(f"select count(*) from {table}") == 0
    assert await told(pairs) == [
        *[("swipe", 1, 2), ("like", 1, 2), ("swipe", 2, 1), ("match", 1, 2), ("end", 1, 2)],
        *[("swipe", 3, 2), ("like", 3, 2), ("taken back", 1, 2), ("taken back", 2, 1)],
    ]
