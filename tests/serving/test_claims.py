"""Rankers that share a Milvus: what nobody holds is deleted, and nothing else is."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from features.eligibility import viewer_of
from features.live_releases import alive_key
from serving.claims import LOCK_KEY, Claims
from serving.index import IndexUnavailable
from serving.milvus_engine import MilvusEngine, name_of
from serving.overlay import Overlay
from tests.infrastructure import Infra
from tests.serving.in_milvus import (
    a_name,
    client_at,
    collections,
    crowd,
    die,
    held,
    ranker_at,
)
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
    async with ranker_at(url, redis) as engine:
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
    async with ranker_at(url, redis) as engine:
        await opened(engine, people, "1", "2")
    async with ranker_at(url, redis) as engine:
        await engine.keep(["2", "3"])
        # What it is about to open again stays, so it needs no filling.
        assert held(url, IDS) == ["2"]
        await engine.open("2", people.release, Overlay(people.release))
        await engine.keep(["2", "3"])
        assert held(url, IDS) == ["2"]


async def test_a_collection_stays_while_any_ranker_holds_it(
    url: str, redis: Redis, people: Opened
) -> None:
    async with ranker_at(url, redis) as one, ranker_at(url, redis) as other:
        await opened(one, people, "1")
        await opened(other, people, "1")
        await one.keep(["2"])
        assert held(url, IDS) == ["1"]
        await other.keep(["2"])
        assert held(url, IDS) == []


async def test_what_another_stack_made_stays(
    url: str, redis: Redis, other_redis: Redis, people: Opened
) -> None:
    async with ranker_at(url, redis) as one, ranker_at(url, other_redis) as other:
        await opened(one, people, "1")
        await opened(other, people, "2")
        await one.keep(["3"])
        assert held(url, IDS) == ["2"]


async def test_what_one_held_that_was_stopped_goes(url: str, redis: Redis, people: Opened) -> None:
    async with ranker_at(url, redis) as other:
        async with ranker_at(url, redis) as one:
            await opened(one, people, "1")
            await other.keep(["2"])
            assert held(url, IDS) == ["1"]
        await other.keep(["2"])
        assert held(url, IDS) == []


async def test_who_was_killed_holds_nothing_once_it_counts_as_dead(
    url: str, redis: Redis, people: Opened
) -> None:
    worker = a_name()
    async with ranker_at(url, redis, worker) as one, ranker_at(url, redis) as other:
        await opened(one, people, "1")
        await other.keep(["2"])
        assert held(url, IDS) == ["1"]
        await die(redis, worker)
        await other.keep(["2"])
        assert held(url, IDS) == []


async def test_whoever_opens_what_is_being_deleted_can_search_it(
    url: str, redis: Redis, people: Opened
) -> None:
    viewer = viewer_of(people.people.table, 0)
    best = best_of(people, viewer)[:100].tolist()
    async with ranker_at(url, redis) as one, ranker_at(url, redis) as other:
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
    async with ranker_at(url, redis) as engine:
        await opened(engine, people, "1")
    async with ranker_at(url, redis) as engine:
        await engine.keep(["1"])
        index = await engine.open("1", again.release, Overlay(again.release))
        await engine.keep(["1"])
        assert collections(url, "deck_") == [name_of("1", again.release)]
        found = await index.retrieve(query(viewer, 100))
        assert ids_of(found) == best_of(again, viewer)[:100].tolist()


async def test_what_a_ranker_died_filling_goes_before_another_fills_it(
    url: str, redis: Redis, people: Opened
) -> None:
    name = name_of("1", people.release)
    dead, filling = a_name(), a_name()
    drafts = {worker: f"{name}_{worker.replace('-', '_')}" for worker in (dead, filling)}
    for worker, draft in drafts.items():
        await redis.set(alive_key(worker), b"1")
        await Claims(redis, worker).take(name, "1")
        with client_at(url) as client:
            client.create_collection(draft, dimension=4)
    await die(redis, dead)
    async with ranker_at(url, redis) as engine:
        await opened(engine, people, "1")
        assert collections(url, "deck_") == [name, drafts[filling]]


async def test_after_a_deletion_that_failed_nobody_waits_for_long(redis: Redis) -> None:
    claims = Claims(redis, a_name())
    await claims.take("deck", "1")
    await claims.renew([], [])

    async def fails() -> None:
        raise IndexUnavailable("deck")

    with pytest.raises(IndexUnavailable):
        await claims.forget("deck", fails)
    assert await redis.pttl(LOCK_KEY) <= 5_000


@pytest.fixture
async def other_redis(infra: Infra, redis: Redis) -> AsyncIterator[Redis]:
    """As another stack's: emptied together with the first."""
    client = Redis.from_url(infra.redis_url.removesuffix("/0") + "/1")
    try:
        yield client
    finally:
        await client.aclose()
