"""Rankers that share a Milvus: what nobody holds is deleted, and nothing else is."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from features.eligibility import viewer_of
from serving.claims import CLAIMS_KEY, LEASE_S
from serving.index import IndexUnavailable
from serving.milvus_engine import MilvusEngine, name_of
from serving.overlay import Overlay
from tests.infrastructure import Infra
from tests.serving.in_milvus import client_at, collections, crowd, held, ranker_at
from tests.serving.searched import Opened, best_of, ids_of, query

IDS = ("1", "2", "3")


@pytest.fixture
def url(milvus_lite: str) -> str:
    """Of a Milvus that holds nothing."""
    with client_at(milvus_lite) as client:
        for name in client.list_collections():
            client.drop_collection(name)
    return milvus_lite


@pytest.fixture
def people(tmp_path: Path) -> Opened:
    return crowd(tmp_path / "people")


async def opened(engine: MilvusEngine, people: Opened, *ids: str) -> None:
    """As `Releases` does."""
    await engine.keep(ids)
    for release_id in ids:
        await engine.open(release_id, people.release, Overlay(people.release))


async def test_what_is_no_longer_wanted_is_deleted(url: str, redis: Redis, people: Opened) -> None:
    with ranker_at(url, redis) as engine:
        await engine.keep(["1"])
        index = await engine.open("1", people.release, Overlay(people.release))
        await engine.keep(["1"])
        assert held(url, IDS) == ["1"]
        await engine.keep(["2"])
        assert held(url, IDS) == []
        with pytest.raises(IndexUnavailable):
            await index.retrieve(query(viewer_of(people.people.table, 0), 10))


async def test_what_was_retired_while_the_ranker_was_down_goes_when_it_comes_again(
    url: str, redis: Redis, people: Opened
) -> None:
    with ranker_at(url, redis) as engine:
        await opened(engine, people, "1", "2")
    with ranker_at(url, redis) as engine:
        await engine.keep(["2", "3"])
        # What it is about to open again stays, so it needs no filling.
        assert held(url, IDS) == ["2"]
        await engine.open("2", people.release, Overlay(people.release))
        await engine.keep(["2", "3"])
        assert held(url, IDS) == ["2"]


async def test_a_collection_stays_while_any_ranker_holds_it(
    url: str, redis: Redis, people: Opened
) -> None:
    with ranker_at(url, redis, "ranker-0") as one, ranker_at(url, redis, "ranker-1") as other:
        await opened(one, people, "1")
        await opened(other, people, "1")
        await one.keep(["2"])
        assert held(url, IDS) == ["1"]
        await other.keep(["2"])
        assert held(url, IDS) == []


async def test_what_another_stack_made_stays(
    url: str, redis: Redis, other_redis: Redis, people: Opened
) -> None:
    with ranker_at(url, redis) as one, ranker_at(url, other_redis) as other:
        await opened(one, people, "1")
        await opened(other, people, "2")
        await one.keep(["3"])
        assert held(url, IDS) == ["2"]


async def test_who_never_comes_again_holds_nothing_when_the_lease_is_over(
    url: str, redis: Redis, people: Opened
) -> None:
    with ranker_at(url, redis, "ranker-0") as one, ranker_at(url, redis, "ranker-1") as other:
        await opened(one, people, "1")
        await other.keep(["2"])
        assert held(url, IDS) == ["1"]
        (claim,) = await redis.zrange(CLAIMS_KEY, 0, -1)
        await redis.zincrby(CLAIMS_KEY, -LEASE_S, claim)
        await other.keep(["2"])
        assert held(url, IDS) == []


async def test_whoever_opens_what_is_being_deleted_can_search_it(
    url: str, redis: Redis, people: Opened
) -> None:
    viewer = viewer_of(people.people.table, 0)
    best = best_of(people, viewer)[:100].tolist()
    with ranker_at(url, redis, "ranker-0") as one, ranker_at(url, redis, "ranker-1") as other:
        for engine, again in ((one, other), (other, one), (one, other)):
            await opened(engine, people, "1")
            index, _ = await asyncio.gather(
                again.open("1", people.release, Overlay(people.release)), engine.keep(["2"])
            )
            assert ids_of(await index.retrieve(query(viewer, 100))) == best
            await again.keep(["2"])
            assert held(url, IDS) == []


async def test_a_release_that_is_cut_again_replaces_its_collection(
    url: str, redis: Redis, people: Opened, tmp_path: Path
) -> None:
    again = crowd(tmp_path / "again", seed=12)
    viewer = viewer_of(people.people.table, 0)
    with ranker_at(url, redis) as engine:
        await opened(engine, people, "1")
    with ranker_at(url, redis) as engine:
        await engine.keep(["1"])
        index = await engine.open("1", again.release, Overlay(again.release))
        await engine.keep(["1"])
        assert collections(url, "deck_") == [name_of("1", again.release)]
        found = await index.retrieve(query(viewer, 100))
        assert ids_of(found) == best_of(again, viewer)[:100].tolist()


async def test_what_a_ranker_died_filling_goes_when_it_comes_again(
    url: str, redis: Redis, people: Opened
) -> None:
    name = name_of("1", people.release)
    with client_at(url) as client:
        client.create_collection(f"{name}_ranker_0", dimension=4)
    with ranker_at(url, redis) as engine:
        await opened(engine, people, "1")
        assert collections(url, "deck_") == [name]


@pytest.fixture
async def other_redis(infra: Infra, redis: Redis) -> AsyncIterator[Redis]:
    """As another stack's: emptied together with the first."""
    client = Redis.from_url(infra.redis_url.removesuffix("/0") + "/1")
    try:
        yield client
    finally:
        await client.aclose()
