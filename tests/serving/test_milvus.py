"""Every engine of `CandidateIndex`, held to brute force; and what is Milvus' own.

Engines are opened on one world that has everything which is hard to search, since a Milvus takes
seconds for a collection.
"""

import asyncio
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import numpy as np
import numpy.typing as npt
import pytest
from redis.asyncio import Redis

from cli.bench.milvus_server import OwnMilvus
from contracts.ranking import Ranking
from contracts.topics import ALL
from features.disk_cells import table_order
from features.eligibility import Candidates, Viewer, eligible, viewer_of
from features.release import Release
from gravity.bus import create_topics
from gravity.settings import Settings
from serving.engines import IndexUrlUnknown, InProcess, engine_at
from serving.index import CandidateIndex, IndexUnavailable, Query, Retrieved
from serving.milvus import MilvusEngine
from serving.milvus_collection import MOST, Milvus
from serving.milvus_filter import Coarse
from serving.overlay import Overlay
from serving.releases import Releases, Surroundings
from serving.store import Online
from tests.serving.conftest import DEADLINE_S, Open
from tests.serving.ranker_process import running_ranker
from tests.serving.test_pipeline import request_of
from tests.serving.worlds import NOW, TODAY, D, World, world, write_world

Ids = npt.NDArray[np.int64]

CITY = (37.77, -122.42)
TOGETHER = (-36.85, 174.76)
COUNTRY = (46.0, 8.0)
PLACES = [(90.0, 0.0), (-90.0, 0.0), (0.0, 180.0), (64.7, 10.5), (89.9, 179.9), (-17.0, -179.99)]


def everywhere() -> World:
    """Poles, the date line and a pentagon; a wide country; 201 in one place; a city of 2,600."""
    rng = np.random.default_rng(1)
    parts = [world(rng, 60, place, spread_km=30.0) for place in PLACES]
    country = world(rng, 300, COUNTRY, spread_km=200.0)
    country.table["max_distance_km"] = rng.choice([9.0, 40.0, 90.0, 300.0, 25_000.0], len(country))
    parts.append(country)
    city = world(rng, 2_600, CITY, spread_km=12.0)
    city.table["visible"] = rng.random(len(city)) < 0.98
    city.table["max_distance_km"] = rng.uniform(1.0, 200.0, len(city))
    for made in (city, world(rng, 201, TOGETHER, spread_km=0.0)):
        made.table["seeks"], made.table["age_min"], made.table["age_max"] = 14, 18, 99
        parts.append(made)
    parts[-1].table["visible"] = True
    return joined(parts)


def joined(parts: Sequence[World]) -> World:
    table = np.concatenate([part.table for part in parts])
    table["person_id"] = 1 + np.random.default_rng(2).permutation(len(table))
    latitude = np.concatenate([part.latitude for part in parts])
    longitude = np.concatenate([part.longitude for part in parts])
    placed = table_order(latitude, longitude)
    order = placed.order
    return World(table[order], latitude[order], longitude[order], placed.cell)


@pytest.fixture(scope="module")
def people() -> World:
    return everywhere()


@pytest.fixture(scope="module")
def release(people: World, tmp_path_factory: pytest.TempPathFactory) -> Release:
    path = tmp_path_factory.mktemp("everywhere") / "1"
    return write_world(path, people, np.random.default_rng(3), seen=0.002)


@contextmanager
def connected(url: str, deadline_s: float = DEADLINE_S) -> Iterator[MilvusEngine]:
    engine = MilvusEngine(url, deadline_s)
    try:
        yield engine
    finally:
        engine.close()


def test_asked_for_everybody_it_returns_exactly_the_eligible(
    opened: Open, people: World, release: Release
) -> None:
    index = opened(release, Overlay(release))
    for viewer in viewers(people, 40):
        found = search(index, viewer, len(people))
        assert ids_of(found) == brute_force(people.table, viewer)
        assert found.complete
        assert np.all(np.diff(found.scores) <= 0)


@pytest.mark.parametrize("k", [1, 7, 200])
def test_the_k_best_are_the_k_highest_inner_products(
    opened: Open, people: World, release: Release, k: int
) -> None:
    index = opened(release, Overlay(release))
    longer = 0
    for viewer in (*viewers(people, 12), *city_viewers(people, 6)):
        best = the_best(people, release, viewer)
        found = search(index, viewer, k)
        assert found.persons.ids.tolist() == best[:k].tolist()
        assert found.complete == (len(best) <= k)
        rows = release.rows_of(found.persons.ids)
        scores = release.arrays.candidate_vectors[rows] @ vector_of(viewer)
        np.testing.assert_allclose(found.scores, scores, rtol=1e-5, atol=1e-5)
        longer += len(best) > 1_000
    # Some need more than a list of everybody eligible.
    assert longer


def test_nobody_seen_comes_back_and_nobody_else_is_lost(
    opened: Open, people: World, release: Release
) -> None:
    index = opened(release, Overlay(release))
    for viewer in city_viewers(people, 3):
        best = the_best(people, release, viewer)
        own = release.seen_by(int(release.rows_of([viewer.person_id])[0]))
        # Nearly all of the best: whoever asks for some more than wanted gets none that are left.
        recent = np.sort(best[:1_200])
        left = best[~np.isin(best, np.concatenate((own, recent)))]
        found = search(index, viewer, 200, (own, recent))
        assert found.persons.ids.tolist() == left[:200].tolist()
        assert len(search(index, viewer, 5_000, (own, recent)).persons) == len(left)


def test_changes_over_the_snapshot_are_searched_as_a_fresh_snapshot_would_be(
    opened: Open, people: World, release: Release
) -> None:
    rng = np.random.default_rng(5)
    overlay = Overlay(release)
    index = opened(release, overlay)
    moved = world(rng, 300, CITY, 12.0, first_id=1)
    moved.table["person_id"] = rng.choice(len(people) + 100, 300, replace=False) + 1
    withdrawn = rng.choice(people.table["person_id"], 200, replace=False).tolist()
    erased, lifted = withdrawn[:20], withdrawn[20:40]
    now = {int(row["person_id"]): row for row in people.table}
    for row in moved.table:
        overlay.put(row[None], 2, TODAY)
        now[int(row["person_id"])] = row
    overlay.withdraw(withdrawn)
    for person in erased:
        overlay.erase(person)
    for person in lifted:
        overlay.restore(person)
    gone = set(withdrawn) - set(lifted)
    table = np.array([row for person, row in now.items() if person not in gone])
    for viewer in (*viewers(people, 10), *city_viewers(people, 4)):
        expected = brute_force(table, viewer)
        assert ids_of(search(index, viewer, 5_000)) == expected
        some = search(index, viewer, 50)
        assert len(some.persons) == min(50, len(expected))
        assert ids_of(some) <= expected


def test_two_hundred_in_one_cell_are_all_found(
    opened: Open, people: World, release: Release
) -> None:
    index = opened(release, Overlay(release))
    viewer = viewer_of(people.table, int(np.argmin(distance(people, TOGETHER))))
    found = search(index, replace(viewer, max_distance_km=1.0), 200)
    assert len(found.persons) == len(brute_force(people.table, viewer))
    assert found.complete


def test_an_empty_region_gives_nobody(opened: Open, people: World, release: Release) -> None:
    nowhere = viewer_of(world(np.random.default_rng(2), 1, (-48.9, -123.4)).table, 0)
    found = search(opened(release, Overlay(release)), replace(nowhere, person_id=10**9), 200)
    assert len(found.persons) == 0
    assert found.complete


async def test_in_an_event_loop_it_answers_the_same(
    opened: Open, people: World, release: Release
) -> None:
    index = opened(release, Overlay(release))
    for viewer in city_viewers(people, 2):
        asked = query(viewer, 200)
        once, again = index.search(asked), await index.retrieve(asked)
        assert once.persons.ids.tolist() == again.persons.ids.tolist()


def test_one_person_alone_does_not_find_themselves(milvus_url: str, tmp_path: Path) -> None:
    people = world(np.random.default_rng(3), 1)
    people.table["visible"], people.table["seeks"] = True, 14
    release = write_world(tmp_path / "1", people, np.random.default_rng(3))
    with connected(milvus_url) as engine:
        index = engine.opened("alone", release, Overlay(release))
        assert len(search(index, viewer_of(people.table, 0), 10).persons) == 0


def test_the_coarse_filter_leaves_nobody_out(
    milvus_url: str, people: World, release: Release
) -> None:
    with connected(milvus_url) as engine:
        engine.opened("1", release, Overlay(release))
        (name,) = engine.names
        coarse, milvus = Coarse.of(Candidates.of(people.table)), Milvus(milvus_url)
        for n, viewer in enumerate(viewers(people, 24)):
            km = [1.0, 10.0, 24.0, 70.0, 500.0, 6_000.0, 20_015.0, 30_000.0][n % 8]
            limited = replace(viewer, max_distance_km=km)
            expression = coarse.around(limited, TODAY)
            passed = milvus.search(name, vector_of(viewer), expression, MOST, DEADLINE_S)
            ids = set(people.table["person_id"][passed.rows].tolist())
            assert brute_force(people.table, limited) <= ids
        milvus.close()


def test_people_whom_milvus_lacks_are_found_all_the_same(milvus_lite: str, tmp_path: Path) -> None:
    people, release = crowd(tmp_path)
    with connected(milvus_lite) as engine:
        index = engine.opened("lacking", release, Overlay(release))
        (name,) = engine.names
        delete(milvus_lite, name, range(30, len(people)))
        viewer = viewer_of(people.table, 0)
        best = the_best(people, release, viewer)
        assert search(index, viewer, 100).persons.ids.tolist() == best[:100].tolist()


def test_whoever_opens_a_release_at_the_same_time_gets_one_collection(
    milvus_url: str, tmp_path: Path
) -> None:
    people, release = crowd(tmp_path)
    with connected(milvus_url) as one, connected(milvus_url) as other:
        with ThreadPoolExecutor(2) as threads:
            opening = [
                threads.submit(engine.opened, "together", release, Overlay(release))
                for engine in (one, other)
            ]
            indexes = [each.result() for each in opening]
        assert one.names == other.names
        assert collections(milvus_url, "deck_together_") == one.names
        viewer = viewer_of(people.table, 0)
        for index in indexes:
            found = search(index, viewer, 100)
            assert found.persons.ids.tolist() == the_best(people, release, viewer)[:100].tolist()


async def test_a_retired_release_leaves_nothing(milvus_lite: str, tmp_path: Path) -> None:
    people, release = crowd(tmp_path)
    with connected(milvus_lite) as engine:
        index = await engine.open("old", release, Overlay(release))
        await engine.retire("old")
        assert collections(milvus_lite, "deck_old_") == []
        with pytest.raises(IndexUnavailable):
            await index.retrieve(query(viewer_of(people.table, 0), 10))
        await engine.retire("never opened")


async def test_a_release_cut_again_is_another_collection(milvus_lite: str, tmp_path: Path) -> None:
    people, release = crowd(tmp_path)
    again = write_world(tmp_path / "again" / "1", people, np.random.default_rng(12))
    with connected(milvus_lite) as engine:
        engine.opened("cut", release, Overlay(release))
        before = engine.names
        index = engine.opened("cut", again, Overlay(again))
        assert engine.names != before
        viewer = viewer_of(people.table, 0)
        found = await index.retrieve(query(viewer, 100))
        assert found.persons.ids.tolist() == the_best(people, again, viewer)[:100].tolist()


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
    with connected(milvus_lite) as engine:
        online = Online(redis, redis)
        around = Surroundings(registry, engine, online, settings.bus_url, lambda: NOW, "ranker-9")
        releases = Releases(around)
        for names in ({}, {"champion": "72", "previous": "71"}):
            registry.names |= names
            await releases.refresh()
        assert held(milvus_lite, ids) == ["71", "72"]
        registry.names = {"champion": "73", "previous": "72"}
        await releases.refresh()
        assert releases.loaded() == ["72", "73"]
        assert held(milvus_lite, ids) == ["72", "73"]

        releases.looked.clear()
        running = asyncio.create_task(releases.run())
        await releases.looked.wait()
        running.cancel()
        await asyncio.wait([running])
        # A worker that ends comes again.
        assert releases.loaded() == []
        assert held(milvus_lite, ids) == ["72", "73"]


def held(url: str, ids: Sequence[str]) -> list[str]:
    return [each for each in ids if collections(url, f"deck_{each}_")]


async def test_a_server_that_hangs_costs_a_search_its_deadline_and_others_nothing(
    milvus_server: OwnMilvus, people: World, release: Release
) -> None:
    (viewer,) = city_viewers(people, 1)
    with connected(milvus_server.url, deadline_s=0.5) as engine:
        index = await engine.open("1", release, Overlay(release))
        os.kill(milvus_server.pid, signal.SIGSTOP)
        try:
            late = asyncio.create_task(index.retrieve(query(viewer, 200)))
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


async def test_without_a_server_no_release_is_opened(people: World, release: Release) -> None:
    with connected("http://127.0.0.1:9") as engine, pytest.raises(IndexUnavailable):
        await engine.open("1", release, Overlay(release))


def test_the_url_says_which_engine_it_is() -> None:
    assert isinstance(engine_at("", 1.0), InProcess)
    assert isinstance(engine_at("http://milvus:19530", 1.0), MilvusEngine)
    assert isinstance(engine_at("somewhere/index.db", 1.0), MilvusEngine)
    with pytest.raises(IndexUrlUnknown):
        engine_at("redis://secret@milvus", 1.0)


async def test_a_ranker_searches_where_the_settings_say_and_says_when_it_cannot(
    milvus_server: OwnMilvus, settings: Settings, redis: Redis
) -> None:
    await create_topics(settings.bus_url, ALL)
    people = crowd_of(400)
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

            drop(milvus_server.url, name)
            refused = await http.post("/rank", json=body)
            assert refused.status_code == 503
            assert refused.json()["code"] == "index_unavailable"


def viewers(people: World, count: int) -> list[Viewer]:
    rows = np.random.default_rng(7).permutation(len(people))
    # Half of them where searching is hard.
    far = rows[distance(people, CITY)[rows] > 200.0][: count // 2]
    return [viewer_of(people.table, int(row)) for row in (*far, *rows[: count - len(far)])]


def city_viewers(people: World, count: int) -> list[Viewer]:
    rows = np.argsort(distance(people, CITY))[:count]
    return [
        replace(viewer_of(people.table, int(row)), max_distance_km=90.0, age_min=18, age_max=99)
        for row in rows
    ]


def distance(people: World, place: tuple[float, float]) -> npt.NDArray[np.float64]:
    """Degrees, roughly: enough to tell cities apart."""
    latitude, longitude = place
    return np.hypot(people.latitude - latitude, people.longitude - longitude) * 111.0


def crowd(folder: Path) -> tuple[World, Release]:
    people = crowd_of(300)
    return people, write_world(folder / "crowd" / "1", people, np.random.default_rng(11), seen=0.0)


def crowd_of(count: int) -> World:
    people = world(np.random.default_rng(4), count, spread_km=5.0)
    for name, value in {"visible": True, "seeks": 14, "age_min": 18, "age_max": 99}.items():
        people.table[name] = value
    people.table["max_distance_km"] = 100.0
    return people


def query(viewer: Viewer, k: int, seen: tuple[Ids, ...] = ()) -> Query:
    return Query(viewer, TODAY, vector_of(viewer), seen, k)


def search(index: CandidateIndex, viewer: Viewer, k: int, seen: tuple[Ids, ...] = ()) -> Retrieved:
    return index.search(query(viewer, k, seen))


def vector_of(viewer: Viewer) -> npt.NDArray[np.float32]:
    return np.random.default_rng(viewer.person_id).normal(size=2 * D + 3).astype(np.float32)


def ids_of(found: Retrieved) -> set[int]:
    return set(found.persons.ids.tolist())


def brute_force(table: npt.NDArray[np.void], viewer: Viewer) -> set[int]:
    mask = eligible(viewer, Candidates.of(table), TODAY)
    return set(table["person_id"][mask].tolist())


def the_best(people: World, release: Release, viewer: Viewer) -> Ids:
    """Ids of everybody eligible, best first."""
    ids = np.array(sorted(brute_force(people.table, viewer)), np.int64)
    vectors = release.arrays.candidate_vectors[release.rows_of(ids)]
    return ids[np.argsort(-(vectors @ vector_of(viewer)), kind="stable")]


def collections(url: str, prefix: str) -> list[str]:
    from pymilvus import MilvusClient

    client = MilvusClient(url)
    names = [name for name in client.list_collections() if name.startswith(prefix)]
    client.close()
    return names


def drop(url: str, name: str) -> None:
    from pymilvus import MilvusClient

    client = MilvusClient(url)
    client.drop_collection(name)
    client.close()


def delete(url: str, name: str, rows: range) -> None:
    from pymilvus import MilvusClient

    client = MilvusClient(url)
    client.delete(name, ids=list(rows))
    client.close()
