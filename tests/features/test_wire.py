"""A packed round trip fails as a whole, and leaves no reply for the next one."""

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as ConnectionFailure
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as TimeoutFailure

from features.wire import packed, raw_round_trip, replies_in, round_trip, run, send_all


async def blocked(redis: Redis) -> str:
    """The address of the connection that waits in BLPOP, once there is one."""
    async with asyncio.timeout(10):
        while True:
            for client in await redis.client_list():
                if client["cmd"] == "blpop":
                    return str(client["addr"])
            await asyncio.sleep(0.01)


async def test_an_error_reply_is_raised_and_the_rest_is_done(redis: Redis) -> None:
    commands = [packed(b"SET", b"a", b"1"), packed(b"HGET", b"a", b"f"), packed(b"INCR", b"a")]
    with pytest.raises(ResponseError):
        await round_trip(redis, b"".join(commands), 3)
    assert await round_trip(redis, packed(b"GET", b"a"), 1) == [b"2"]


async def test_a_raw_round_trip_gives_what_the_server_sent(redis: Redis) -> None:
    big = bytes(300_000) + b"\r\n-no error\r\n"
    commands = packed(b"SET", b"a", big) + packed(b"GET", b"a") + packed(b"HGET", b"a", b"f")
    data = await raw_round_trip(redis, commands, 3)
    assert data.startswith(b"+OK\r\n$300013\r\n")
    ok, value, error = replies_in(data)
    assert (ok, value) == (b"OK", big)
    assert isinstance(error, ResponseError)
    assert await raw_round_trip(redis, packed(b"GET", b"b"), 1) == b"$-1\r\n"


async def test_a_raw_round_trip_that_is_cut_off_leaves_no_reply_behind(redis: Redis) -> None:
    waiting = asyncio.create_task(raw_round_trip(redis, packed(b"BLPOP", b"none", b"5"), 1))
    await blocked(redis)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    waiting = asyncio.create_task(raw_round_trip(redis, packed(b"BLPOP", b"none", b"5"), 1))
    await redis.client_kill(await blocked(redis))
    with pytest.raises(ConnectionFailure):
        await waiting
    assert await raw_round_trip(redis, packed(b"PING"), 1) == b"+PONG\r\n"


async def test_who_may_not_ask_for_an_end_gets_the_same(redis: Redis) -> None:
    await round_trip(redis, packed("ACL", "SETUSER", "mute", "on", ">x", "~*", "+@all", "-echo"), 1)
    kwargs = redis.connection_pool.connection_kwargs
    mute = Redis(host=kwargs["host"], port=kwargs["port"], username="mute", password="x")
    # Like errors, and at the ends of what comes at once.
    values = [b"\r\n-no error\r\n" * times for times in (1, 100, 50_000)]
    try:
        for value in values:
            await redis.set("a", value)
            commands = packed(b"HGET", b"a", b"f") + packed(b"GET", b"a") + packed(b"GET", b"b")
            for asked, count in ((commands, 3), (commands + packed(b"HGET", b"a", b"f"), 4)):
                async with asyncio.timeout(10):
                    found = await raw_round_trip(mute, asked, count)
                assert found == await raw_round_trip(redis, asked, count)
                assert replies_in(found)[1:3] == [value, None]
    finally:
        await mute.aclose()
        await run(redis.acl_deluser("mute"))


async def test_wherever_a_trip_is_cancelled_no_connection_is_lost(redis: Redis) -> None:
    pool = redis.connection_pool
    for steps in range(12):
        await round_trip(redis, packed("PING"), 1)
        asked = asyncio.create_task(round_trip(redis, packed("GET", "a"), 1))
        before = asyncio.all_tasks()
        for _ in range(steps):
            await asyncio.sleep(0)
        trips = [task for task in asyncio.all_tasks() - before if not task.done()]
        for task in trips:
            task.cancel()
        await asyncio.wait([asked, *trips])
        # What is taken from the pool is idle in the line, and next asked it has nothing to say.
        assert len(pool._in_use_connections) <= 1
        assert await round_trip(redis, packed("ECHO", f"{steps}"), 1) == [b"%d" % steps]


async def test_a_cancelled_round_trip_leaves_no_reply_behind(redis: Redis) -> None:
    waiting = asyncio.create_task(round_trip(redis, packed(b"BLPOP", b"none", b"5"), 1))
    await blocked(redis)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await round_trip(redis, packed(b"PING"), 1) == [b"PONG"]


async def test_a_slow_server_is_a_timeout_of_redis(redis: Redis) -> None:
    kwargs = redis.connection_pool.connection_kwargs
    impatient = Redis(host=kwargs["host"], port=kwargs["port"], socket_timeout=0.05)
    with pytest.raises(TimeoutFailure):
        await round_trip(impatient, packed(b"BLPOP", b"none", b"5"), 1)
    await impatient.aclose()


async def test_no_server_is_a_connection_error_of_redis() -> None:
    nobody = Redis(host="127.0.0.1", port=1)
    with pytest.raises(ConnectionFailure):
        await round_trip(nobody, packed(b"PING"), 1)
    await nobody.aclose()


async def test_many_commands_go_in_batches(redis: Redis) -> None:
    value = bytes(1000)
    sent = await send_all(redis, (packed(b"SET", b"k%d" % n, value) for n in range(3000)))
    assert (sent, await redis.dbsize()) == (3000, 3000)


async def test_what_fails_to_be_made_after_a_full_batch_is_said(redis: Redis) -> None:
    def commands() -> Iterator[bytes]:
        for n in range(3000):
            yield packed(b"SET", b"k%d" % n, bytes(1000))
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        await send_all(redis, commands())
    # Full batches went out.
    assert await redis.dbsize() > 2000


async def test_callers_of_one_moment_share_a_connection_and_get_their_own_replies(
    redis: Redis,
) -> None:
    asked = [round_trip(redis, packed(b"ECHO", b"%d" % n), 1) for n in range(500)]
    assert await asyncio.gather(*asked) == [[b"%d" % n] for n in range(500)]
    # The fixture's own, and one for all of these.
    assert len(await redis.client_list()) <= 3


async def test_an_error_reply_is_only_for_whoever_caused_it(redis: Redis) -> None:
    await run(redis.set("a", "1"))
    good, bad, none = await asyncio.gather(
        round_trip(redis, packed(b"GET", b"a"), 1),
        round_trip(redis, packed(b"HGET", b"a", b"f"), 1),
        round_trip(redis, packed(b"GET", b"b"), 1),
        return_exceptions=True,
    )
    assert (good, none) == ([b"1"], [None])
    assert isinstance(bad, ResponseError)


async def test_a_lost_connection_is_told_to_everybody_who_shared_it(redis: Redis) -> None:
    waiting = [
        asyncio.create_task(round_trip(redis, packed(b"BLPOP", b"none", b"20"), 1))
        for _ in range(3)
    ]
    await redis.client_kill(await blocked(redis))
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConnectionFailure] * 3
    assert await round_trip(redis, packed(b"PING"), 1) == [b"PONG"]


async def test_a_connection_that_was_closed_meanwhile_is_opened_anew(redis: Redis) -> None:
    (kept,) = await round_trip(redis, packed(b"CLIENT", b"ID"), 1)
    await run(redis.client_kill_filter(_id=str(kept)))
    assert await round_trip(redis, packed(b"PING"), 1) == [b"PONG"]


async def test_a_reply_that_nobody_waited_for_is_nobodys(redis: Redis) -> None:
    await round_trip(redis, packed(b"ECHO", b"a") + packed(b"ECHO", b"b"), 1)
    assert await round_trip(redis, packed(b"ECHO", b"c"), 1) == [b"c"]


async def test_failures_leave_no_connection_taken(redis: Redis) -> None:
    kwargs = redis.connection_pool.connection_kwargs
    few = Redis(host=kwargs["host"], port=kwargs["port"], socket_timeout=0.05, max_connections=4)
    for _ in range(6):
        with pytest.raises(TimeoutFailure):
            await round_trip(few, packed(b"BLPOP", b"none", b"5"), 1)
    waiting = asyncio.create_task(round_trip(few, packed(b"BLPOP", b"none", b"5"), 1))
    await blocked(redis)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert await round_trip(few, packed(b"PING"), 1) == [b"PONG"]
    await few.aclose()


@pytest.mark.parametrize("part", [True, np.int64(1), bytearray(b"a")])
def test_what_is_no_part_is_refused(part: object) -> None:
    with pytest.raises(TypeError):
        packed(b"ECHO", part)  # type: ignore[arg-type]


async def test_who_is_behind_a_slow_one_does_not_wait_for_it(redis: Redis) -> None:
    slow = asyncio.create_task(round_trip(redis, packed(b"BLPOP", b"none", b"20"), 1))
    await blocked(redis)
    assert await round_trip(redis, packed(b"PING"), 1) == [b"PONG"]
    assert not slow.done()
    await round_trip(redis, packed(b"RPUSH", b"none", b"x"), 1)
    await slow


async def test_who_waited_while_all_were_under_way_goes_when_they_land(redis: Redis) -> None:
    slow: list[asyncio.Task[object]] = []
    async with asyncio.timeout(30):
        for n in range(4):
            command = packed(b"BLPOP", b"list%d" % n, b"20")
            slow.append(asyncio.create_task(round_trip(redis, command, 1)))
            while (await run(redis.info("clients")))["blocked_clients"] <= n:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        behind = asyncio.create_task(round_trip(redis, packed(b"PING"), 1))
        await asyncio.sleep(0)
        # Another way than theirs, which would take the one behind along.
        for n in range(4):
            await run(redis.rpush(f"list{n}", "x"))
        await asyncio.gather(*slow)
        assert await behind == [b"PONG"]


async def test_who_was_cancelled_before_it_left_asks_for_nothing(redis: Redis) -> None:
    waiting = asyncio.create_task(round_trip(redis, packed(b"SET", b"a", b"1"), 1))
    for _ in range(2):
        # The caller has begun; the round trip has not.
        waiting.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await round_trip(redis, packed(b"GET", b"a"), 1) == [None]


def test_a_loop_that_ends_strands_nobody() -> None:
    outcomes: list[BaseException] = []

    async def ask(redis: Redis) -> None:
        try:
            await round_trip(redis, packed(b"PING"), 1)
        except BaseException as error:
            outcomes.append(error)
            raise

    async def main() -> None:
        # Nobody listens there: connecting takes until the loop ends.
        redis = Redis(host="10.255.255.1", port=1)
        asyncio.ensure_future(ask(redis))  # noqa: RUF006
        await asyncio.sleep(0)

    asyncio.run(main())
    assert [type(each) for each in outcomes] == [asyncio.CancelledError]
