"""The read side without order: whatever comes late, early or twice, the lists are the truth's."""

import random
from itertools import pairwise

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from contracts import events_pb2 as events
from features.wire import run
from gravity.bus import Record
from interactions import keys, matcher, read_updates
from interactions.domain import Kind
from interactions.read_side import fill
from tests.interactions.plays import SWIPES, UNACKNOWLEDGED, Lists, Play, lists_of, told
from tests.interactions.reference import START_MS
from tests.interactions.worlds import NOW, record_of

PEOPLE = (101, 202, 303)
# Mostly the same two, so that much happens between them.
PERSON = st.sampled_from([101, 101, 101, 202, 202, 202, 303])
WHAT = st.sampled_from(
    [UNACKNOWLEDGED, *SWIPES, *SWIPES, *[Kind.REWIND] * 4, Kind.UNMATCH, *[Kind.BLOCK] * 2]
)
STEPS = st.lists(
    st.tuples(PERSON, PERSON, WHAT).filter(lambda step: step[0] != step[1]),
    min_size=10,
    max_size=40,
)
SEED = st.integers(0, 2**32)
RUN = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


async def played(
    redis: Redis, draw: random.Random, steps: list[tuple[int, int, int | Kind]]
) -> Play:
    """All steps, and everything delivered, some of it in between."""
    await redis.flushall()
    play = Play(redis, draw, PEOPLE)
    for step in steps:
        while draw.random() < 0.5:
            await play.deliver()
        await play.act(*step)
    await play.deliver_all()
    return play


async def written(pool: asyncpg.Pool, play: Play) -> None:
    """The play's commands, through the matcher, into empty tables."""
    await pool.execute(
        "delete from swipes; delete from matches; delete from match_members; delete from blocks;"
        "delete from withdrawn_persons; delete from outbox"
    )
    bounds = sorted({0, *play.erased.values(), len(play.commands)})
    for start, stop in zip(bounds, [*bounds[1:], bounds[-1]], strict=True):
        gone = [person for person, at in play.erased.items() if at == start]
        async with pool.acquire() as conn, conn.transaction():
            await conn.executemany(
                "insert into withdrawn_persons values ($1, now(), true, true)", [(p,) for p in gone]
            )
            await matcher.apply(conn, [record_of(c) for c in play.commands[start:stop]])


async def filled(redis: Redis, pool: asyncpg.Pool) -> Lists:
    """What a rebuild makes of an empty Redis."""
    await redis.flushall()
    await fill(redis, pool)
    return await lists_of(redis)


@RUN
@given(STEPS, SEED)
async def test_late_early_and_repeated_events_end_as_the_truth_does(
    pairs: asyncpg.Pool, redis: Redis, steps: list[tuple[int, int, int | Kind]], seed: int
) -> None:
    play = await played(redis, random.Random(seed), steps)
    live = await lists_of(redis)
    assert live == play.expected()

    # A rebuild beside it changes nothing, and gives the same where everything was lost.
    await written(pairs, play)
    await fill(redis, pairs)
    assert await lists_of(redis) == live
    assert await filled(redis, pairs) == live


async def test_an_old_like_that_comes_again_hides_no_newer_one(redis: Redis) -> None:
    def like(offset: int) -> Record:
        event = events.LikeReceived(liker=1, liked=2, occurred_at_ms=START_MS + offset)
        return Record("like.received", 0, offset, b"", event.SerializeToString())

    taken_back = events.SwipeRecorded(swiper=1, swiped=2, taken_back=True, swiped_ms=START_MS + 1)
    undone = Record("swipe.recorded", 0, 0, b"", taken_back.SerializeToString())
    handle = read_updates.subscription(redis, lambda: NOW).handle
    for record in (like(1), like(3), like(1), undone):
        await handle(None, [record])
    assert await lists_of(redis) == {keys.likes(2): {1: (START_MS + 3) / 1000}}


async def test_the_fullest_batch_may_be_all_of_one_person(redis: Redis) -> None:
    def swipe(offset: int) -> Record:
        event = events.SwipeRecorded(
            swiper=1, swiped=2 + offset, action=events.ACTION_LIKE, occurred_at_ms=START_MS
        )
        return Record("swipe.recorded", 0, offset, b"", event.SerializeToString())

    consumer = read_updates.subscription(redis, lambda: NOW)
    await consumer.handle(None, [swipe(offset) for offset in range(consumer.max_records)])
    assert await redis.zcard(keys.seen(1)) == consumer.max_records


@RUN
@given(STEPS, SEED)
async def test_each_side_is_told_of_each_episode_once(
    redis: Redis, steps: list[tuple[int, int, int | Kind]], seed: int
) -> None:
    play = await played(redis, random.Random(seed), steps)
    for person in PEOPLE:
        heard = await told(redis, person)
        for other in set(PEOPLE) - {person}:
            pair = frozenset((person, other))
            episodes, ended = play.reference.matches.get(pair, (0, "none"))
            kinds = heard.get(other, [])
            # What was over before it was heard of may be left out, and so may an end between two.
            assert kinds.count(b"created") <= episodes
            assert all(two != (b"ended", b"ended") for two in pairwise(kinds))
            standing = bool(kinds) and kinds[-1] == b"created"
            assert standing == (ended == "")


@RUN
@given(STEPS, st.integers(0, 25), SEED)
async def test_nothing_is_left_of_somebody_erased_wherever_the_events_come(
    pairs: asyncpg.Pool,
    redis: Redis,
    steps: list[tuple[int, int, int | Kind]],
    at: int,
    seed: int,
) -> None:
    gone, other, _ = PEOPLE
    steps = [*steps[:at], (gone, other, Kind.ERASE), *steps[at:]]
    play = await played(redis, random.Random(seed), steps)
    assert await mentions(redis, gone) == []
    assert await lists_of(redis) == play.expected()
    await written(pairs, play)
    assert (
        await pairs.fetchval("select count(*) from swipes where $1 in (swiper, swiped)", gone) == 0
    )
    await fill(redis, pairs)
    assert await mentions(redis, gone) == []


async def mentions(redis: Redis, person: int) -> list[str]:
    """The keys that name a person, in their names or in what they hold."""
    out = []
    for key in await redis.keys("*"):
        if key.decode() in (keys.ERASED, keys.WITHDRAWN):
            continue
        kind = await redis.type(key)
        if kind == b"zset":
            held = await redis.zrange(key, 0, -1)
        elif kind == b"set":
            held = await run(redis.smembers(key))
        elif kind == b"hash":
            held = [part for pair in (await run(redis.hgetall(key))).items() for part in pair]
        elif kind == b"stream":
            held = [value for _, entry in await redis.xrange(key) for value in entry.values()]
        else:
            held = [await redis.get(key)]
        if b"{%d}" % person in key or any(b"%d" % person == value for value in held):
            out.append(key.decode())
    return out
