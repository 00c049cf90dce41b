"""What is Milvus' own: the filter it is told, who it lacks, and when it does not answer.

That it searches as every engine does is shown by `test_index_contract`.
"""

import asyncio
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import numpy as np
import pytest
from redis.asyncio import Redis

from cli.bench.milvus_server import OwnMilvus
from contracts.ranking import Ranking
from contracts.topics import ALL
from features.eligibility import Candidates, viewer_of
from features.narrowing import SEARCHED
from gravity.bus import create_topics
from gravity.settings import Settings
from serving.claims import Claims
from serving.engines import IndexUrlUnknown, InProcess, engine_at
from serving.index import IndexUnavailable
from serving.milvus_collection import MOST, Milvus
from serving.milvus_engine import MilvusEngine, name_of
from serving.milvus_filter import Coarse
from serving.overlay import Overlay
from serving.releases import Releases, Surroundings
from serving.store import Online
from tests.serving.conftest import DEADLINE_S
from tests.serving.in_milvus import (
    a_name,
    client_at,
    collections,
    crowd,
    crowd_of,
    held,
    indexes_at,
    ranker_at,
)
from tests.serving.ranker_process import running_ranker
from tests.serving.searched import (
    Opened,
    best_of,
    eligible_ids,
    ids_of,
    joined,
    query,
    search,
    vector_of,
    viewers,
    written,
)
from tests.serving.test_pipeline import request_of
from tests.serving.worlds import NOW, TODAY, world, write_world

COUNTRY = (46.0, 8.0)
PLACES = [(90.0, 0.0), (-90.0, 0.0), (0.0, 180.0), (64.7, 10.5), (89.9, 179.9), (-17.0, -179.99)]
LIMITS_KM = (1.0, 10.0, 24.0, 70.0, 500.0, 6_000.0, 20_015.0, 30_000.0)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """Poles, the date line and a pentagon; a wide country of people with limits of every size."""
    rng = np.random.default_rng(1)
    country = world(rng, 300, COUNTRY, spread_km=200.0)
    country.table["max_distance_km"] = rng.choice([9.0, 40.0, 90.0, 300.0, 25_000.0], len(country))
    parts = [*(world(rng, 60, place, spread_km=30.0) for place in PLACES), country]
    return written(joined(parts), tmp_path_factory.mktemp("people"))


def test_whoever_opens_a_release_at_the_same_time_gets_one_collection(
    milvus_url: str, people: Opened
) -> None:
    name = name_of("1", people.release)
    with indexes_at(milvus_url) as one, indexes_at(milvus_url, worker="ranker-1") as other:
        with ThreadPoolExecutor(2) as threads:
            opening = [
                threads.submit(each.open, name, people.release, Overlay(people.release))
                for each in (one, other)
            ]
            indexes = [each.result() for each in opening]
        assert collections(milvus_url, name) == [name]
        for viewer in viewers(people, 6):
            best = best_of(people, viewer)[:20].tolist()
            assert [ids_of(search(index, viewer, 20)) for index in indexes] == [best, best]


def test_the_coarse_filter_leaves_nobody_out(milvus_url: str, people: Opened) -> None:
    name = name_of("1", people.release)
    with indexes_at(milvus_url) as indexes:
        indexes.open(name, people.release, Overlay(people.release))
    table = people.people.table
    coarse, milvus = Coarse.of(Candidates.of(table)), Milvus(milvus_url)
    passed = 0
    for viewer, km in zip(viewers(people, 40), 5 * LIMITS_KM, strict=True):
        limited = replace(viewer, max_distance_km=km)
        expression = coarse.around(limited, TODAY)
        rows = milvus.search(name, vector_of(viewer), expression, MOST, DEADLINE_S).rows
        assert np.isin(eligible_ids(people.check, limited), table["person_id"][rows]).all()
        passed += len(rows)
    assert 0 < passed < 40 * len(table) / 4
    milvus.close()


def test_people_whom_milvus_lacks_are_found_all_the_same(milvus_lite: str, tmp_path: Path) -> None:
    lacking = crowd(tmp_path)
    with indexes_at(milvus_lite) as indexes, client_at(milvus_lite) as client:
        index = indexes.open("lacking", lacking.release, Overlay(lacking.release))
        client.delete("lacking", ids=list(range(30, len(lacking.people))))
        viewer = viewer_of(lacking.people.table, 0)
        assert ids_of(search(index, viewer, 100)) == best_of(lacking, viewer)[:100].tolist()


@dataclass
class Folder:
    """A registry whose releases are here already."""

    path: Path
    names: dict[str, str]

    async def aliases(self) -> dict[str, str]:
        return self.names

    async def fetch(self, release: str) -> Path:
        return self.path / release

    async def discard(self, release: str) -> None:
        raise AssertionError(f"{release} is whole")


async def test_a_worker_keeps_the_collections_of_what_it_serves(
    milvus_lite: str, settings: Settings, redis: Redis, tmp_path: Path
) -> None:
    await create_topics(settings.bus_url, ALL)
    ids = ("71", "72", "73")
    for seed, release_id in enumerate(ids):
        write_world(tmp_path / release_id, crowd_of(50), np.random.default_rng(seed))
    registry = Folder(tmp_path, {"champion": "71"})
    worker = a_name()
    async with ranker_at(milvus_lite, redis, worker) as engine:
        online = Online(redis, redis)
        around = Surroundings(registry, engine, online, settings.bus_url, lambda: NOW, worker)
        releases = Releases(around)
        for names in ({}, {"champion": "72", "previous": "71"}):
            registry.names |= names
            await releases.refresh()
        assert held(milvus_lite, ids) == ["71", "72"]
        registry.names = {"champion": "73", "previous": "72"}
        await releases.refresh()
        assert releases.loaded() == ["72", "73"]
        assert held(milvus_lite, ids) == ["72", "73"]
        await ended(releases)
        # A worker that ends comes again.
        assert held(milvus_lite, ids) == ["72", "73"]

    registry.names = {"champion": "73"}
    worker = a_name()
    async with ranker_at(milvus_lite, redis, worker) as engine:
        around = Surroundings(registry, engine, online, settings.bus_url, lambda: NOW, worker)
        releases = Releases(around)
        await ended(releases)
        assert held(milvus_lite, ids) == ["73"]


async def ended(releases: Releases) -> None:
    """It is run until it has looked once, and has let go of everything."""
    releases.looked.clear()
    running = asyncio.create_task(releases.run())
    await releases.looked.wait()
    running.cancel()
    await asyncio.wait([running])
    assert releases.loaded() == []


async def test_a_server_that_hangs_costs_a_search_its_deadline_and_others_nothing(
    milvus_server: OwnMilvus, people: Opened
) -> None:
    viewer = max(viewers(people, 40), key=lambda one: len(best_of(people, one)))
    with indexes_at(milvus_server.url, deadline_s=0.5) as indexes:
        name = name_of("1", people.release)
        index = indexes.open(name, people.release, Overlay(people.release))
        os.kill(milvus_server.pid, signal.SIGSTOP)
        try:
            late = asyncio.create_task(index.retrieve(query(viewer, 5)))
            turns = 0
            while not late.done():
                await asyncio.sleep(0.01)
                turns += 1
            with pytest.raises(IndexUnavailable):
                late.result()
            # The loop went on meanwhile, and so does what needs no Milvus.
            assert turns > 3
            assert (await index.retrieve(query(viewer, 5_000))).complete
        finally:
            os.kill(milvus_server.pid, signal.SIGCONT)


async def test_without_a_server_no_release_is_opened(redis: Redis, people: Opened) -> None:
    async with ranker_at("http://127.0.0.1:9", redis) as engine:
        with pytest.raises(IndexUnavailable):
            await engine.open("1", people.release, Overlay(people.release))


def test_the_url_says_which_engine_it_is(redis: Redis) -> None:
    claims = Claims(redis, "ranker-0")
    assert isinstance(engine_at("", 1.0, claims), InProcess)
    assert isinstance(engine_at("http://milvus:19530", 1.0, claims), MilvusEngine)
    assert isinstance(engine_at("somewhere/index.db", 1.0, claims), MilvusEngine)
    with pytest.raises(IndexUrlUnknown):
        engine_at("redis://secret@milvus", 1.0, claims)


async def test_a_ranker_searches_where_the_settings_say_and_says_when_it_cannot(
    milvus_server: OwnMilvus, settings: Settings, redis: Redis
) -> None:
    await create_topics(settings.bus_url, ALL)
    # More than a search asks for, or nobody would need an index.
    people = crowd_of(2 * SEARCHED)
    write_world(settings.home / "releases" / "7", people, np.random.default_rng(2))
    await redis.set("release:serving", "7")
    there = settings.model_copy(
        update={
            "mlflow_url": "http://127.0.0.1:9",
            "index_url": milvus_server.url,
            "rank_budget_ms": 9000,
        }
    )
    body = request_of(people, 3).model_dump(mode="json")
    with running_ranker(there) as ranker:
        # It imports pandas, and fills the collection before it is ready.
        await asyncio.to_thread(ranker.wait, 200.0)
        async with httpx.AsyncClient(base_url=ranker.url, timeout=20) as http:
            response = await http.post("/rank", json=body)
            answer = Ranking.decoded(response.content)
            assert len(answer.ids) == 200
            (name,) = collections(milvus_server.url, "deck_7_")

            with client_at(milvus_server.url) as client:
                client.drop_collection(name)
            refused = await http.post("/rank", json=body)
            assert refused.status_code == 503
            assert refused.json()["code"] == "index_unavailable"
