"""What a flow learns from: who is withdrawn, from where decks know it."""

from redis.asyncio import Redis

from features.wire import run
from flows.learning import withdrawn_people


async def test_whom_safety_withdraws_the_next_release_knows(redis: Redis) -> None:
    assert await withdrawn_people(redis) == []
    await run(redis.sadd("withdrawn", 12, 7))
    assert await withdrawn_people(redis) == [7, 12]
    await run(redis.srem("withdrawn", 12))
    assert await withdrawn_people(redis) == [7]
