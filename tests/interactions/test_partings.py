"""DELETE /v1/matches: both sides obey at once, the log hears of it, nobody learns of blocks."""

import pytest
from redis.asyncio import Redis

from features.wire import run
from gravity.kernel import Kernel
from tests.interactions.worlds import appended
from tests.signed_client import SignedClient


@pytest.fixture
async def other(redis: Redis, me: int) -> int:
    """Somebody with whom the viewer has a match."""
    for a, b in ((me, me + 1), (me + 1, me)):
        await redis.zadd(f"matches:{{{a}}}", {str(b): 1})
        await run(redis.hset(f"episodes:{{{a}}}", str(b), "2"))
    return me + 1


async def test_both_sides_obey_before_the_answer_and_again(
    api: SignedClient, redis: Redis, kernel: Kernel, me: int, other: int
) -> None:
    for _ in range(2):
        assert (await api.delete(me, f"/v1/matches/{other}")).status_code == 204
        for a, b in ((me, other), (other, me)):
            assert await redis.zcard(f"matches:{{{a}}}") == 0
            assert await run(redis.smembers(f"blocked:{{{a}}}")) == {b"%d" % b}
    commands = await appended(kernel, me, 2)
    assert [(c.target, c.WhichOneof("command")) for c in commands] == [(other, "unmatch")] * 2


async def test_the_other_may_unmatch_too(api: SignedClient, me: int, other: int) -> None:
    assert (await api.delete(me, f"/v1/matches/{other}")).status_code == 204
    assert (await api.delete(other, f"/v1/matches/{me}")).status_code == 204


async def test_without_a_match_there_is_nothing_to_end_and_no_block_is_told(
    api: SignedClient, redis: Redis, me: int
) -> None:
    await run(redis.sadd(f"blocked:{{{me}}}", str(me + 3)))
    for stranger in (me + 2, me + 3, me):
        answer = await api.delete(me, f"/v1/matches/{stranger}")
        assert (answer.status_code, answer.json()["code"]) == (404, "match_unknown")
    assert await run(redis.smembers(f"blocked:{{{me}}}")) == {b"%d" % (me + 3)}


@pytest.mark.parametrize("person", ["0", "-1", "x", str(2**63)])
async def test_no_person_is_a_problem(api: SignedClient, me: int, person: str) -> None:
    answer = await api.delete(me, f"/v1/matches/{person}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
