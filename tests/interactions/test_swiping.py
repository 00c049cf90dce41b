"""POST /v1/swipes on real Redis and a real log."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest
from redis.asyncio import Redis

from contracts import events_pb2 as events
from features.wire import run
from gravity.auth import Caller
from gravity.bus import AppendFailed, Producer
from gravity.card_tokens import TTL_MS, CardTokens
from gravity.kernel import Kernel
from interactions.quotas import Limits
from interactions.sweeping import sweep
from interactions.swiping import NotRecorded, Sent, Status, Swiping
from tests.interactions.conftest import Clock
from tests.interactions.worlds import NOW, NOW_MS, appended, swipe_body, token
from tests.signed_client import SignedClient


def body(
    tokens: CardTokens, me: int, candidate: int, client_id: str = "", action: str = "like"
) -> dict[str, object]:
    return swipe_body(tokens, me, candidate, action, client_id)


def sent(tokens: CardTokens, me: int, candidate: int, client_id: str = "") -> Sent:
    card = token(tokens, me, candidate)
    return Sent(client_id or f"c{candidate}", candidate, events.ACTION_LIKE, card, NOW_MS)


@pytest.fixture
async def broken(kernel: Kernel, tokens: CardTokens) -> AsyncIterator[Swiping]:
    """Swiping whose log does not answer."""
    producer = Producer.open("tansu://127.0.0.1:1", deadline_s=0.1)
    limits = Limits((3, 5, 7), (1, 2, 3))
    yield Swiping(kernel.redis, kernel.pool, producer, tokens, limits)
    await producer.close()


async def test_swipes_are_answered_one_by_one_and_in_order(
    api: SignedClient, tokens: CardTokens, me: int, redis: Redis, kernel: Kernel
) -> None:
    forged = body(tokens, me, 6) | {"token": token(tokens, 7, 6)}
    expired = body(tokens, me, 8) | {"token": token(tokens, me, 8, NOW_MS - TTL_MS - 1)}
    batch = [
        body(tokens, me, 1),
        body(tokens, me, 1),
        body(tokens, me, 1, "other"),
        forged,
        expired,
        body(tokens, me, me, "me"),
        body(tokens, me, 2, action="pass"),
        body(tokens, me, 3, "c2"),
        body(tokens, me, 3, action="superlike"),
        body(tokens, me, 4, action="superlike"),
        body(tokens, me, 4, "c4b"),
        body(tokens, me, 5),
    ]
    response = await api.post(me, "/v1/swipes", {"swipes": batch})
    assert response.status_code == 200
    assert [result["status"] for result in response.json()["results"]] == [
        "accepted",
        "duplicate",
        "already_swiped",
        "token_invalid",
        "token_expired",
        "self_swipe",
        "accepted",
        "client_id_reused",
        "accepted",
        "over_superlikes",
        "accepted",
        "over_limit",
    ]
    assert (response.json()["remaining"], response.json()["remaining_superlikes"]) == (0, 0)
    seen = await redis.zrange(f"seen:{{{me}}}", 0, -1, withscores=True)
    assert sorted(seen) == [(b"%d" % n, NOW_MS / 1000) for n in (1, 2, 3, 4)]
    commands = await appended(kernel, me, 4)
    assert sorted((c.target, c.swipe.action) for c in commands) == [(1, 1), (2, 2), (3, 3), (4, 1)]
    assert commands[0].swipe.impression.propensity == 0.25
    assert commands[0].occurred_at_ms == NOW_MS


async def test_one_swipe_needs_no_list(api: SignedClient, tokens: CardTokens, me: int) -> None:
    response = await api.post(me, "/v1/swipes", body(tokens, me, 1))
    assert response.json()["results"] == [
        {"client_swipe_id": "c1", "candidate": 1, "status": "accepted"}
    ]


async def test_the_same_batch_twice_is_charged_and_appended_once(
    api: SignedClient, tokens: CardTokens, me: int, kernel: Kernel, clock: Clock
) -> None:
    batch = {"swipes": [body(tokens, me, 1), body(tokens, me, 2)]}
    await api.post(me, "/v1/swipes", batch)
    clock.now += timedelta(days=2)
    again = (await api.post(me, "/v1/swipes", batch)).json()
    assert [result["status"] for result in again["results"]] == ["duplicate", "duplicate"]
    assert again["remaining"] == 3
    assert len(await appended(kernel, me, 2)) == 2


async def test_two_requests_at_once_with_one_client_id_are_one_swipe(
    api: SignedClient, tokens: CardTokens, me: int, kernel: Kernel
) -> None:
    answers = await asyncio.gather(
        *(api.post(me, "/v1/swipes", body(tokens, me, 1)) for _ in range(5))
    )
    statuses = {answer.json()["results"][0]["status"] for answer in answers}
    assert statuses <= {"accepted", "duplicate"}
    assert "accepted" in statuses
    last = await api.post(me, "/v1/swipes", body(tokens, me, 2))
    assert last.json()["remaining"] == 1
    commands = [c for c in await appended(kernel, me, 2) if c.target == 1]
    # Copies are possible; they are one event.
    assert len({c.event_id for c in commands}) == 1


async def test_a_failed_append_keeps_the_place_for_the_retry(
    broken: Swiping, api: SignedClient, tokens: CardTokens, me: int, kernel: Kernel
) -> None:
    wanted = [sent(tokens, me, 1), sent(tokens, me, me, "me")]
    with pytest.raises(NotRecorded) as failed:
        await broken.take(Caller(me), wanted, NOW)
    assert failed.value.statuses == (Status.NOT_RECORDED, Status.SELF_SWIPE)

    retry = (await api.post(me, "/v1/swipes", body(tokens, me, 1))).json()
    assert retry["results"][0]["status"] == "accepted"
    assert retry["remaining"] == 2
    assert [c.target for c in await appended(kernel, me, 1)] == [1]


@pytest.mark.parametrize("swept", [False, True])
async def test_what_another_device_swiped_meanwhile_is_no_duplicate(
    swept: bool, broken: Swiping, kernel: Kernel, tokens: CardTokens, me: int, pairs: asyncpg.Pool
) -> None:
    with pytest.raises(NotRecorded):
        await broken.take(Caller(me), [sent(tokens, me, 1, "a")], NOW)
    later = NOW + timedelta(hours=1)
    if swept:
        assert await sweep(kernel.redis, pairs, kernel.producer, later) == 1
    working = replace(broken, producer=kernel.producer)
    other = replace(sent(tokens, me, 1, "b:1"), action=events.ACTION_PASS)
    taken = await working.take(Caller(me), [other], later)
    assert (taken.statuses, taken.left.swipes) == ((Status.ACCEPTED,), 2)
    retries = await working.take(Caller(me), [sent(tokens, me, 1, "a"), other], later)
    assert retries.statuses == (Status.ALREADY_SWIPED, Status.DUPLICATE)
    given_up, command = await appended(kernel, me, 2)
    assert given_up.rewind.swiped_ms == NOW_MS
    assert command.swipe.action == events.ACTION_PASS
    assert command.occurred_at_ms > NOW_MS


async def test_of_two_ids_in_one_batch_the_appended_one_is_known(
    broken: Swiping, kernel: Kernel, tokens: CardTokens, me: int
) -> None:
    batch = [sent(tokens, me, 1, "a"), sent(tokens, me, 1, "b")]
    with pytest.raises(NotRecorded):
        await broken.take(Caller(me), batch, NOW)
    working = replace(broken, producer=kernel.producer)
    expected = ((Status.ACCEPTED, Status.ALREADY_SWIPED), (Status.DUPLICATE, Status.ALREADY_SWIPED))
    for statuses in expected:
        assert (await working.take(Caller(me), batch, NOW)).statuses == statuses


async def test_a_place_that_nobody_claims_is_returned_after_ten_minutes(
    broken: Swiping, kernel: Kernel, redis: Redis, tokens: CardTokens, me: int, pairs: asyncpg.Pool
) -> None:
    for candidate in (1, 2):
        with pytest.raises(NotRecorded):
            await broken.take(Caller(me), [sent(tokens, me, candidate)], NOW)
    # One of them did reach the log, and the other person likes back whom we gave up.
    await pairs.execute("insert into swipes values ($1, 2, 1, $2)", me, NOW)
    await pairs.execute("insert into swipes values (1, $1, 1, $2)", me, NOW)
    later = NOW + timedelta(minutes=9)
    assert await sweep(redis, pairs, kernel.producer, later) == 0
    assert await sweep(redis, pairs, kernel.producer, later + timedelta(minutes=2)) == 1
    assert await redis.zrange(f"seen:{{{me}}}", 0, -1) == [b"2"]
    assert await redis.zrange(f"likes:{{{me}}}", 0, -1) == [b"1"]
    assert await run(redis.hmget(f"quota:{{{me}}}", ["n", "s"])) == [b"1", b"0"]
    assert await run(redis.hlen(f"reserved:{{{me}}}")) == 0
    assert await sweep(redis, pairs, kernel.producer, later + timedelta(hours=1)) == 0
    # The log rules out copies of it that may come yet.
    (given_up,) = await appended(kernel, me, 1)
    assert (given_up.target, given_up.rewind.swiped_ms) == (1, NOW_MS)


async def test_a_sweep_that_the_log_does_not_hear_is_gone_on_with_later(
    broken: Swiping, kernel: Kernel, redis: Redis, tokens: CardTokens, me: int, pairs: asyncpg.Pool
) -> None:
    with pytest.raises(NotRecorded):
        await broken.take(Caller(me), [sent(tokens, me, 1)], NOW)
    later = NOW + timedelta(minutes=11)
    with pytest.raises(AppendFailed):
        await sweep(redis, pairs, broken.producer, later)
    for minutes, ended in ((1, 0), (11, 1)):
        again = later + timedelta(minutes=minutes)
        assert await sweep(redis, pairs, kernel.producer, again) == ended
    assert await redis.zcard(f"seen:{{{me}}}") == 0
    assert await run(redis.hlen(f"reserved:{{{me}}}")) == 0


async def test_a_retry_after_the_sweep_is_a_new_swipe_under_the_same_token(
    broken: Swiping, kernel: Kernel, tokens: CardTokens, me: int, pairs: asyncpg.Pool
) -> None:
    with pytest.raises(NotRecorded):
        await broken.take(Caller(me), [sent(tokens, me, 1)], NOW)
    later = NOW + timedelta(hours=1)
    await sweep(kernel.redis, pairs, kernel.producer, later)
    working = replace(broken, producer=kernel.producer)
    taken = await working.take(Caller(me), [sent(tokens, me, 1)], later)
    assert taken.statuses == (Status.ACCEPTED,)
    assert taken.left.swipes == 2
    given_up, command = await appended(kernel, me, 2)
    assert given_up.rewind.swiped_ms == NOW_MS
    assert command.swipe.client_swipe_id == "c1"
    assert command.occurred_at_ms == int(later.timestamp() * 1000)


async def test_the_day_is_by_the_clock_of_the_server_whatever_the_client_says(
    api: SignedClient, tokens: CardTokens, me: int, clock: Clock
) -> None:
    def swiped(candidate: int, at: str) -> dict[str, object]:
        return body(tokens, me, candidate) | {"swiped_at": at}

    for candidate, at in ((1, "2026-02-28T12:00:00Z"), (2, "2026-03-02T12:00:00Z"), (3, "0001-01-01T00:00:00Z")):  # fmt: skip # noqa: E501
        answer = await api.post(me, "/v1/swipes", swiped(candidate, at))
        assert answer.json()["results"][0]["status"] == "accepted"
    over = await api.post(me, "/v1/swipes", swiped(4, "2026-03-02T12:00:00Z"))
    assert over.json()["results"][0]["status"] == "over_limit"
    clock.now += timedelta(days=1)
    next_day = await api.post(me, "/v1/swipes", swiped(4, "2026-03-01T12:00:00Z"))
    assert next_day.json()["results"][0]["status"] == "accepted"


async def test_ids_up_to_63_bits_stay_exact(
    api: SignedClient, tokens: CardTokens, me: int, redis: Redis
) -> None:
    largest = 2**63 - 1
    answer = await api.post(me, "/v1/swipes", body(tokens, me, largest))
    assert answer.json()["results"][0]["status"] == "accepted"
    assert await redis.zrange(f"seen:{{{me}}}", 0, -1) == [b"%d" % largest]


MALFORMED: list[dict[str, object]] = [
    {"candidate": 0},
    {"candidate": 2**63},
    {"candidate": "1"},
    {"candidate": True},
    {"candidate": 1.5},
    {"action": "love"},
    {"client_swipe_id": ""},
    {"client_swipe_id": "a" * 65},
    {"client_swipe_id": "a\x00"},
    {"client_swipe_id": "a\n"},
    {"client_swipe_id": "\ud800"},
    {"token": "a" * 2000},
    {"token": None},
    {"swiped_at": "yesterday"},
    {"swiped_at": "2026-03-01T12:00:00"},
]


async def test_a_malformed_swipe_is_a_problem_and_charges_nothing(
    api: SignedClient, tokens: CardTokens, me: int, redis: Redis
) -> None:
    for change in MALFORMED:
        response = await api.post(me, "/v1/swipes", {"swipes": [body(tokens, me, 1) | change]})
        assert (response.status_code, response.json()["code"]) == (422, "invalid_request"), change
        assert response.headers["content-type"] == "application/problem+json"
    assert await redis.keys("quota:*") == []


async def test_malformed_bodies_are_problems(
    api: SignedClient, tokens: CardTokens, me: int
) -> None:
    headers = api.headers(me) | {"Content-Type": "application/json"}
    for content in (
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b'{"swipes": []}',
        b'{"swipes": 7}',
        b"\xff",
    ):
        response = await api.http.post("/v1/swipes", content=content, headers=headers)
        assert response.status_code in (400, 422), content
        assert response.headers["content-type"] == "application/problem+json"


async def test_ten_thousand_swipes_in_one_batch_are_refused_in_one_line(
    api: SignedClient, tokens: CardTokens, me: int
) -> None:
    small = [{"client_swipe_id": str(n), "candidate": n, "action": "pass"} for n in range(10_000)]
    response = await api.post(me, "/v1/swipes", {"swipes": small})
    assert response.status_code == 413
    assert response.json()["code"] == "batch_too_large"
    assert "10000" in response.json()["detail"]
    whole = [body(tokens, me, 1) for _ in range(10_000)]
    response = await api.post(me, "/v1/swipes", {"swipes": whole})
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


async def test_nobody_without_a_valid_token_swipes(
    api: SignedClient, tokens: CardTokens, me: int
) -> None:
    bad = {
        "token_missing": {},
        "token_invalid": {"Authorization": "Bearer x"},
        "token_expired": api.headers(me, ttl=timedelta(seconds=-1)),
    }
    for code, headers in bad.items():
        response = await api.http.post("/v1/swipes", json=body(tokens, me, 1), headers=headers)
        assert (response.status_code, response.json()["code"]) == (401, code)


async def test_redis_forgetting_its_scripts_is_not_noticed(
    api: SignedClient, tokens: CardTokens, me: int, redis: Redis
) -> None:
    await api.post(me, "/v1/swipes", body(tokens, me, 1))
    await redis.script_flush()
    answer = await api.post(me, "/v1/swipes", body(tokens, me, 2))
    assert answer.json()["results"][0]["status"] == "accepted"
