"""Decks while the real ranker is killed: no request fails, and the release comes back."""

import asyncio

from redis.asyncio import Redis

from contracts.topics import ALL
from gravity.bus import create_topics
from gravity.issuer import KeyPair
from gravity.settings import Settings
from tests.discovery_api.conftest import Discovery, RankerDouble, open_discovery
from tests.discovery_api.people import write_people
from tests.serving.ranker_process import RankerProcess, free_port, running_ranker
from tests.serving.test_service import publish
from tests.serving.worlds import World


async def test_no_deck_fails_while_the_ranker_dies_and_returns(
    settings: Settings, redis: Redis, keys: KeyPair, people: World
) -> None:
    port = free_port()
    known = settings.model_copy(
        update={
            "ranker_url": f"http://127.0.0.1:{port}",
            "mlflow_url": "http://127.0.0.1:9",
            "jwt_public_key": keys.public,
            "rank_budget_ms": 2_000,
        }
    )
    await create_topics(settings.bus_url, ALL)
    await write_people(redis, people)
    publish(settings.home, people)
    await redis.set("release:serving", "7")
    async with open_discovery(known, RankerDouble(redis), keys, people) as discovery:
        assert await policies(discovery, 5) == {"fallback"}
        with running_ranker(known, port) as ranker:
            await returned(discovery, ranker)
            served = asyncio.Semaphore(0)
            decks = asyncio.create_task(policies(discovery, 300, served))
            for _ in range(20):
                await served.acquire()
            ranker.kill()
            assert await decks == {"ranker", "fallback"}
        with running_ranker(known, port) as ranker:
            await returned(discovery, ranker)


async def returned(discovery: Discovery, ranker: RankerProcess) -> None:
    """The ranker is up and decks come from the release."""
    await asyncio.to_thread(ranker.wait)
    async with asyncio.timeout(20):
        while await policies(discovery, 1) != {"ranker"}:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def policies(
    discovery: Discovery, count: int, served: asyncio.Semaphore | None = None
) -> set[str]:
    """What served `count` decks, four at a time; each of them full. Counts up `served`."""
    gate = asyncio.Semaphore(4)

    async def one(row: int) -> str:
        async with gate:
            response = await discovery.get(int(discovery.people.table["person_id"][row]))
        if served is not None:
            served.release()
        deck = response.json()
        assert response.status_code == 200
        assert len(deck["cards"]) == 20
        return str(deck["policy"])

    return set(await asyncio.gather(*(one(row) for row in range(count))))
