"""How fast swipes may come: a day's batch passes, a script does not; what was taken stays taken."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from redis.asyncio import Redis

from gravity import issuer
from gravity.card_tokens import CardTokens
from gravity.kernel import Kernel
from interactions.app import create_app
from interactions.velocity import ACCOUNT, DEVICE
from tests.interactions.conftest import Clock
from tests.interactions.worlds import swipe_body
from tests.signed_client import SignedClient, signed_client


@pytest.fixture
async def api(kernel: Kernel, clock: Clock, keys: issuer.KeyPair) -> AsyncIterator[SignedClient]:
    """An API whose days have room for whole batches."""
    many = kernel.settings.model_copy(update={"daily_swipes": (10**5,) * 3})
    async with signed_client(create_app(replace(kernel, settings=many)), keys, clock) as client:
        yield client


async def send(
    api: SignedClient, tokens: CardTokens, me: int, cards: range, device: str = ""
) -> httpx.Response:
    swipes = [swipe_body(tokens, me, card, "pass", at=api.clock()) for card in cards]
    headers = api.headers(me, device=device)
    return await api.http.post("/v1/swipes", json={"swipes": swipes}, headers=headers)


def statuses(answer: httpx.Response) -> list[str]:
    return [result["status"] for result in answer.json()["results"]]


async def test_a_full_batch_passes_and_a_flood_does_not(
    api: SignedClient, tokens: CardTokens, me: int, clock: Clock
) -> None:
    assert ACCOUNT.capacity == 600
    assert set(statuses(await send(api, tokens, me, range(1, 501)))) == {"accepted"}
    part = statuses(await send(api, tokens, me, range(501, 701)))
    assert part == ["accepted"] * 100 + ["too_fast"] * 100
    refused = await send(api, tokens, me, range(601, 611))
    assert (refused.status_code, refused.json()["code"]) == (429, "too_fast")
    assert refused.headers["retry-after"] == "10"
    assert statuses(refused) == ["too_fast"] * 10
    # What was taken is never too fast.
    assert set(statuses(await send(api, tokens, me, range(1, 501)))) == {"duplicate"}
    clock.now += timedelta(seconds=10)
    assert set(statuses(await send(api, tokens, me, range(601, 611)))) == {"accepted"}
    assert (await send(api, tokens, me, range(611, 612))).status_code == 429


async def test_a_device_has_a_bucket_of_its_own_which_only_new_swipes_drain(
    api: SignedClient, tokens: CardTokens, me: int, clock: Clock, redis: Redis
) -> None:
    family = [me + n for n in range(4)]
    device = f"phone of {me}"
    for person in family[:3]:
        for cards in (range(1, 501), range(501, 601)):
            assert set(statuses(await send(api, tokens, person, cards, device))) == {"accepted"}
    assert DEVICE.capacity == 1800
    fourth = await send(api, tokens, family[3], range(1, 11), device)
    assert fourth.status_code == 429
    assert set(statuses(await send(api, tokens, me, range(1, 501), device))) == {"duplicate"}
    # Elsewhere the fourth is free; and by then the device has something again.
    assert set(statuses(await send(api, tokens, family[3], range(1, 11)))) == {"accepted"}
    clock.now += timedelta(seconds=2)
    assert statuses(await send(api, tokens, family[3], range(11, 19), device)) == [
        *["accepted"] * 6,
        *["too_fast"] * 2,
    ]
    for key in await redis.keys("device:*"):
        assert str(me).encode() not in key


async def test_a_retry_gives_the_devices_tokens_back(
    api: SignedClient, tokens: CardTokens, me: int
) -> None:
    device = f"tablet of {me}"
    for _ in range(6):
        answer = await send(api, tokens, me, range(1, 401), device)
        assert set(statuses(answer)) <= {"accepted", "duplicate"}
    assert set(statuses(await send(api, tokens, me + 1, range(1, 401), device))) == {"accepted"}
