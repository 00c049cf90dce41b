"""Whoever is shadow-banned swipes as always: no answer differs in any field."""

from redis.asyncio import Redis

from gravity.card_tokens import CardTokens
from gravity.kernel import Kernel
from interactions import keys
from tests.interactions.worlds import NOW, swipe_body, token
from tests.signed_client import SignedClient


async def story(api: SignedClient, tokens: CardTokens, me: int) -> list[tuple[int, object]]:
    """All that the API says to somebody who swipes, rewinds and asks."""

    async def post(path: str, body: dict[str, object]) -> tuple[int, object]:
        answer = await api.post(me, path, body)
        body = answer.json()
        body.pop("instance", None)
        return answer.status_code, body

    async def get(path: str) -> tuple[int, object]:
        answer = await api.get(me, path)
        return answer.status_code, answer.json()

    swipes = [swipe_body(tokens, me, card) for card in (1, 1, 2, 3, 4)]
    swipes += [swipe_body(tokens, me, card, "superlike") for card in (5, 6)]
    return [
        await post("/v1/swipes", {"swipes": swipes}),
        await post("/v1/swipes", {"swipes": swipes}),
        await get("/v1/quota"),
        await post("/v1/rewinds", {"client_swipe_id": "c1"}),
        await post("/v1/rewinds", {"client_swipe_id": "c5"}),
        await post("/v1/swipes", swipe_body(tokens, me, 5, "superlike")),
        await post("/v1/swipes", swipe_body(tokens, me, 5, "superlike", "again")),
        await post("/v1/swipes", {**swipe_body(tokens, me, 6), "token": token(tokens, 9, 6)}),
        await get("/v1/quota"),
        await get("/v1/likes"),
        await get("/v1/matches"),
    ]


async def test_no_answer_to_a_shadow_banned_person_differs(
    api: SignedClient, tokens: CardTokens, me: int, redis: Redis, kernel: Kernel
) -> None:
    banned = me + 1
    await redis.sadd(keys.WITHDRAWN, banned)  # type: ignore[misc]
    await kernel.pool.execute(
        "insert into withdrawn_persons (person, decided_at, withdrawn) values ($1, $2, true)",
        banned,
        NOW,
    )
    assert await story(api, tokens, banned) == await story(api, tokens, me)
