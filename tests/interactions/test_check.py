"""Redis compared with Postgres: every difference is found, and nothing under way is one."""

import asyncio
import random

import asyncpg
import pytest
from redis.asyncio import Redis

from contracts import events_pb2 as events
from features.wire import run
from gravity import outbox
from gravity.bus import Message
from gravity.consumer import consume
from gravity.kernel import Kernel, utc_now
from interactions import keys, matcher, read_updates
from interactions.extras import Removed, remove_extras
from interactions.read_side import fill
from interactions.read_side_check import Difference, Kind, compare, confirmed, differences
from interactions.settling import NotSettled, Settling
from tests.interactions.reference import command
from tests.interactions.worlds import record_of

LIKE, PASS = events.ACTION_LIKE, events.ACTION_PASS


async def world(pool: asyncpg.Pool, redis: Redis) -> None:
    """Some swipes among ten people, in both stores."""
    draw = random.Random(3)
    pairs = [(a, b) for a in range(1, 11) for b in range(1, 11) if a != b]
    records = [
        record_of(command(n, a, b, draw.choice([LIKE, LIKE, PASS])))
        for n, (a, b) in enumerate(draw.sample(pairs, 60))
    ]
    async with pool.acquire() as conn, conn.transaction():
        await matcher.apply(conn, records)
    await pool.execute("insert into blocks values (11, 12, now())")
    await fill(redis, pool)


async def test_every_kind_of_difference_is_found_on_either_side(
    pairs: asyncpg.Pool, redis: Redis
) -> None:
    await world(pairs, redis)
    assert await differences(pairs, redis) == []
    expected: list[Difference] = []
    lists: tuple[Kind, ...] = ("likes", "matches", "seen")
    for kind in lists:

        def key(person: int, name: str = kind) -> str:
            return f"{name}:{{{person}}}"

        full = [p for p in range(1, 11) if await redis.zcard(key(p))]
        (member,) = await redis.zrange(key(full[0]), 0, 0)
        await redis.zrem(key(full[0]), member)
        await redis.zadd(key(full[1]), {"9000000000000000001": 1.5})
        expected += [
            Difference(kind, full[0], int(member), "postgres"),
            Difference(kind, full[1], 9000000000000000001, "redis"),
        ]
    await run(redis.srem(keys.blocked(12), "11"))
    await run(redis.sadd(keys.blocked(5), "13"))
    expected += [Difference("blocked", 12, 11, "postgres"), Difference("blocked", 5, 13, "redis")]
    # Of somebody whom Postgres does not know at all.
    await redis.zadd(keys.seen(77), {"1": 1})
    expected.append(Difference("seen", 77, 1, "redis"))
    assert await differences(pairs, redis) == sorted(expected)


async def test_a_rebuild_and_the_removal_of_what_only_redis_knows_put_all_right(
    pairs: asyncpg.Pool, redis: Redis
) -> None:
    await world(pairs, redis)
    await redis.delete(keys.seen(1), keys.likes(2), keys.matches(3), keys.blocked(11))
    for key in (keys.seen(4), keys.likes(5), keys.matches(6)):
        await redis.zadd(key, {"99": 1.5})
    await run(redis.sadd(keys.blocked(7), "99"))
    await fill(redis, pairs)
    found = await compare(pairs, redis, None)
    assert len(found.scores) == 4
    # One of them is written again before it is removed: then it is not what was compared.
    await redis.zadd(keys.seen(4), {"99": 2.5})
    assert await remove_extras(redis, found) == Removed(entries=2, kept=1)
    assert [d.kind for d in await differences(pairs, redis)] == ["blocked", "seen"]


async def test_open_reservations_and_withdrawn_people_are_no_differences(
    pairs: asyncpg.Pool, redis: Redis
) -> None:
    await world(pairs, redis)
    await redis.zadd(keys.seen(1), {"50": 1})
    await run(redis.hset(keys.open_swipes(1), "50", "20260301:1:1:c"))
    await redis.zadd(keys.likes(1), {"60": 1})
    await pairs.execute("insert into withdrawn_persons values (60, now(), true)")
    assert await differences(pairs, redis) == []
    await run(redis.hdel(keys.open_swipes(1), "50"))
    await pairs.execute("delete from withdrawn_persons")
    assert len(await differences(pairs, redis)) == 2


async def test_what_is_under_way_is_waited_for(
    kernel: Kernel, pairs: asyncpg.Pool, redis: Redis, me: int
) -> None:
    """Swipes are in the log and seen, and no consumer has read them when the check begins."""
    settling = Settling(pairs, kernel.settings.bus_url, utc_now, 30.0)
    sent = [command(n, me + n, me + n + 1, LIKE) for n in range(20)]
    await kernel.producer.append_many(
        [Message(r.topic, r.key, r.value) for r in map(record_of, sent)]
    )
    for one in sent:
        await redis.zadd(keys.seen(one.actor), {str(one.target): one.at_ms / 1000})
    assert len((await compare(pairs, redis, None)).scores) == 20

    with pytest.raises(NotSettled, match=r"matcher has not read all of user\.swipes"):
        await confirmed(pairs, redis, Settling(pairs, kernel.settings.bus_url, settling.clock, 0))

    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        checking = group.create_task(confirmed(pairs, redis, settling))
        for subscription in (
            matcher.subscription(),
            read_updates.subscription(redis, kernel.clock),
        ):
            group.create_task(consume(subscription, pairs, kernel.settings.bus_url, stop))
        group.create_task(outbox.relay(pairs, kernel.producer, matcher.LANE, stop))
        found = await checking
        stop.set()
    mine = [d for d in found.differences if me <= d.person < me + 1000]
    assert mine == []
    assert await redis.zcard(keys.likes(me + 5)) == 1
