"""What a day was charged: restored from Postgres, and compared with it."""

from datetime import timedelta

import asyncpg
import pytest
from redis.asyncio import Redis

from contracts.topics import USER_SWIPES
from features.wire import run
from gravity.bus import Record
from gravity.card_tokens import CardTokens
from gravity.kernel import Kernel
from interactions import charges, matcher
from interactions.charges import ChargeDifference
from interactions.quotas import own_day
from interactions.read_side_check import no_pause
from tests.interactions.test_rewinds import Phone
from tests.interactions.worlds import NOW, appended
from tests.signed_client import SignedClient

TODAY = own_day("", NOW)


@pytest.fixture
def phone(api: SignedClient, tokens: CardTokens, me: int) -> Phone:
    return Phone(api, tokens, me)


async def match(kernel: Kernel, me: int, at_least: int) -> None:
    """What the viewer has in the log, decided."""
    commands = await appended(kernel, me, at_least)
    records = [
        Record(USER_SWIPES.name, 0, n, b"", command.SerializeToString())
        for n, command in enumerate(commands)
    ]
    async with kernel.pool.acquire() as conn, conn.transaction():
        await matcher.apply(conn, records)


async def found(kernel: Kernel) -> list[ChargeDifference]:
    return await charges.differences(kernel.pool, kernel.redis, no_pause, NOW)


async def left(phone: Phone) -> tuple[int, int]:
    answer = (await phone.api.get(phone.me, "/v1/quota")).json()
    return answer["swipes"]["left"], answer["superlikes"]["left"]


async def test_what_redis_lost_is_charged_again(
    phone: Phone, kernel: Kernel, redis: Redis, me: int
) -> None:
    for candidate, action in ((1, "like"), (2, "pass"), (3, "superlike"), (4, "like")):
        assert await phone.swipe(candidate, action) == "accepted"
    assert (await phone.rewind("c4"))[0] == 200
    await match(kernel, me, 5)
    assert await left(phone) == (1, 0)
    assert await found(kernel) == []

    await redis.delete(f"quota:{{{me}}}")
    assert await found(kernel) == [ChargeDifference(me, TODAY, (0, 2), (0, 1))]
    assert await charges.restore(redis, kernel.pool, NOW) == 1
    assert await found(kernel) == []
    assert await left(phone) == (1, 0)
    assert await phone.swipe(5) == "accepted"
    assert await phone.swipe(6) == "over_limit"


async def test_restoring_lowers_no_charge_and_forgets_no_newer_day(
    phone: Phone, kernel: Kernel, redis: Redis, me: int
) -> None:
    await phone.swipe(1)
    await match(kernel, me, 1)
    # Reserved since, and known to nobody else yet.
    await run(redis.hincrby(f"quota:{{{me}}}", "n", 1))
    await charges.restore(redis, kernel.pool, NOW)
    assert await left(phone) == (1, 1)
    await run(redis.hset(f"quota:{{{me}}}", mapping={"d": TODAY + 1, "n": 0, "s": 0}))
    await charges.restore(redis, kernel.pool, NOW)
    kept: object = await run(redis.hget(f"quota:{{{me}}}", "d"))
    assert kept == b"%d" % (TODAY + 1)


async def test_too_much_is_a_difference_but_for_what_is_reserved_or_was_on_somebody_erased(
    phone: Phone, kernel: Kernel, redis: Redis, me: int
) -> None:
    await phone.swipe(1)
    await match(kernel, me, 1)
    quota, entry = f"quota:{{{me}}}", f"o:{TODAY}:1:5:5:c9"
    await run(redis.hincrby(quota, "n", 1))
    assert await found(kernel) == [ChargeDifference(me, TODAY, (2, 1), (0, 0))]
    await run(redis.hset(f"reserved:{{{me}}}", "9", entry))
    assert await found(kernel) == []
    await run(redis.hset(f"reserved:{{{me}}}", "9", entry.replace(":1:", ":3:", 1)))
    assert len(await found(kernel)) == 1
    await redis.delete(f"reserved:{{{me}}}")

    await kernel.pool.execute(
        "insert into withdrawn_persons values ($1, $2, true, true)", me + 7, NOW - timedelta(days=1)
    )
    assert await found(kernel) == []
    await run(redis.hset(quota, "n", "3"))
    assert await found(kernel) == [ChargeDifference(me, TODAY, (3, 1), (0, 0))]
    await run(redis.hset(quota, "n", "0"))
    assert await found(kernel) == [ChargeDifference(me, TODAY, (0, 1), (0, 0))]


async def test_nothing_is_said_of_who_swipes_meanwhile(
    phone: Phone, kernel: Kernel, redis: Redis, me: int
) -> None:
    await phone.swipe(1)

    async def swipe() -> None:
        assert await phone.swipe(2) == "accepted"

    assert await charges.differences(kernel.pool, redis, swipe, NOW) == []

    async def arrive() -> None:
        await match(kernel, me, 2)

    assert await charges.differences(kernel.pool, redis, arrive, NOW) == []


async def test_a_retry_on_the_next_day_says_the_day_that_was_charged(
    phone: Phone, kernel: Kernel, pairs: asyncpg.Pool, redis: Redis, me: int
) -> None:
    await phone.swipe(1)
    entry = f"o:{TODAY - 1}:1:{int(NOW.timestamp() * 1000) - 5}:5:c2"
    await run(redis.hset(f"reserved:{{{me}}}", "2", entry))
    assert await phone.swipe(2) == "accepted"
    await match(kernel, me, 2)
    rows = await pairs.fetch("select swiped, charged_on from swipes order by swiped")
    assert [tuple(row) for row in rows] == [(1, TODAY), (2, TODAY - 1)]
