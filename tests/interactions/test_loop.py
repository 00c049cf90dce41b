"""From two phones to two lists: API, log, matcher, outbox, relay, read side."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from contracts import events_pb2 as events
from gravity import outbox
from gravity.card_tokens import CardTokens
from gravity.consumer import consume
from gravity.http import create_app as create_http_app
from gravity.kernel import Kernel
from interactions.app import routers, subscriptions
from interactions.matcher import LANE
from tests.interactions.worlds import add_people, swipe_body, token
from tests.signed_client import SignedClient


@pytest.fixture
async def running(kernel: Kernel) -> AsyncIterator[None]:
    """What the consumers process runs of interactions."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for subscription in subscriptions(kernel):
            group.create_task(consume(subscription, kernel.pool, kernel.settings.bus_url, stop))
        group.create_task(outbox.relay(kernel.pool, kernel.producer, LANE, stop))
        yield
        stop.set()


async def people_of(api: SignedClient, viewer: int, path: str, name: str) -> list[int]:
    return [item[name] for item in (await api.get(viewer, path)).json()["items"]]


@pytest.mark.usefixtures("running")
async def test_a_mutual_like_becomes_one_match_for_both_and_a_block_ends_it(
    api: SignedClient, kernel: Kernel, tokens: CardTokens, me: int
) -> None:
    other = me + 1
    await add_people(kernel.redis, me, other)
    await kernel.redis.set(f"tier:{{{other}}}", events.TIER_GOLD)

    async def swipe(viewer: int, candidate: int) -> None:
        body = {
            "client_swipe_id": f"{viewer}-{candidate}",
            "candidate": candidate,
            "action": "like",
            "token": token(tokens, viewer, candidate),
        }
        for _ in range(2):
            assert (await api.post(viewer, "/v1/swipes", body)).status_code == 200

    async with asyncio.timeout(60):
        await swipe(me, other)
        while await people_of(api, other, "/v1/likes", "id") != [me]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await swipe(other, me)
        while await people_of(api, me, "/v1/matches", "person") != [other]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        while await people_of(api, other, "/v1/matches", "person") != [me]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        # Another consumer's work, which may come a moment after the match.
        while await people_of(api, other, "/v1/likes", "id"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        assert (await api.post(me, "/v1/blocks", {"person": other})).status_code == 204
        assert await people_of(api, other, "/v1/matches", "person") == []
        reason = None
        while reason is None:
            reason = await kernel.pool.fetchval("select end_reason from matches where low = $1", me)
            await asyncio.sleep(0.05)
    assert reason == events.MATCH_END_BLOCK
    assert await kernel.pool.fetchval("select count(*) from matches where low = $1", me) == 1


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("ends", ["rewind", "unmatch"])
async def test_a_match_ends_for_both(
    ends: str, api: SignedClient, kernel: Kernel, tokens: CardTokens, me: int
) -> None:
    other = me + 1
    await add_people(kernel.redis, me, other)
    async with asyncio.timeout(60):
        await api.post(other, "/v1/swipes", swipe_body(tokens, other, me))
        await api.post(me, "/v1/swipes", swipe_body(tokens, me, other))
        for a, b in ((me, other), (other, me)):
            while await people_of(api, a, "/v1/matches", "person") != [b]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        if ends == "rewind":
            rewind = {"client_swipe_id": f"c{other}"}
            assert (await api.post(me, "/v1/rewinds", rewind)).status_code == 200
        else:
            assert (await api.delete(me, f"/v1/matches/{other}")).status_code == 204
        for a in (me, other):
            while await people_of(api, a, "/v1/matches", "person"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        query = "select end_reason from matches where low = $1"
        while (reason := await kernel.pool.fetchval(query, me)) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert reason == (events.MATCH_END_REWIND if ends == "rewind" else events.MATCH_END_UNMATCH)


def test_every_operation_has_examples_and_problem_answers(kernel: Kernel) -> None:
    document = create_http_app("x", kernel, routers(kernel)).openapi()
    paths, schemas = document["paths"], document["components"]["schemas"]
    assert set(paths) == {
        *("/v1/swipes", "/v1/rewinds", "/v1/quota", "/v1/likes", "/v1/matches", "/v1/blocks"),
        *("/v1/matches/{person}", "/v1/changes", "/v1/me/interactions"),
    }
    for operations in paths.values():
        for operation in operations.values():
            refused = {status for status in operation["responses"] if status >= "400"}
            takes = {"422"} if {"requestBody", "parameters"} & set(operation) else set()
            assert {"401", "503"} | takes <= refused
    for name in ("Swipe", "Swipes", "SwipeResults", "Rewind", "RewindResult", "Quota", "Likes",
                 "BlurredLike", "Matches", "Block", "Changes", "Interactions"):  # fmt: skip
        found = [schema for schema in schemas.values() if schema.get("title") == name]
        assert len(found) == 1, name
        assert "example" in found[0], name
