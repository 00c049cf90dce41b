"""The ranker as a process: it starts without a release, picks one up, and follows changes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.ranking import Ranking, RetrieveRequest
from contracts.topics import ALL, PROFILE_CHANGED, SAFETY_DECIDED, person_key
from features.release import MANIFEST
from features.wire import run
from gravity.bus import Message, Producer, create_topics
from gravity.settings import Settings
from gravity.stack.orphans import has_ended
from tests.serving.ranker_process import RankerProcess, running_ranker
from tests.serving.test_pipeline import constraints_of, request_of
from tests.serving.worlds import TODAY, World, world, write_world

HEAVY = ("feast", "mlflow", "prefect", "pandas", "sklearn", "torch", "grpc", "milvus_lite")


@pytest.fixture
def people() -> World:
    made = world(np.random.default_rng(1), 300, spread_km=5.0)
    for name, value in {"visible": True, "seeks": 14, "age_min": 18, "age_max": 99}.items():
        made.table[name] = value
    made.table["max_distance_km"] = 100.0
    return made


@pytest.fixture
def ranker(settings: Settings) -> Iterator[RankerProcess]:
    # Nothing listens there: with the registry away, Redis says what is served.
    away = settings.model_copy(update={"mlflow_url": "http://127.0.0.1:9"})
    with running_ranker(away) as process:
        yield process


async def until(ask: Callable[[], Awaitable[bool]], timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not await ask():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_it_starts_without_a_release_and_takes_the_first_one_by_itself(
    settings: Settings, redis: Redis, people: World, ranker: RankerProcess
) -> None:
    await create_topics(settings.bus_url, ALL)
    await asyncio.to_thread(ranker.wait)
    async with httpx.AsyncClient(base_url=ranker.url) as http:
        body = request_of(people, 3).model_dump(mode="json")
        refused = await http.post("/rank", json=body)
        assert refused.status_code == 404
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["code"] == "release_not_loaded"

        publish(settings.home, people)
        await redis.set("release:serving", "7")
        await until(lambda: answers(http, body))
        (name,) = [each.decode() for each in await run(redis.smembers("release:7:ready"))]
        assert name.startswith("ranker-")
        assert await redis.ttl(f"ranker:{name}:alive") > 0
        answer = Ranking.decoded((await http.post("/rank", json=body)).content)
        assert len(answer.ids) == 200

        metrics = (await http.get("/metrics")).text
        assert "retrieval_seconds_count" in metrics
        assert "ranking_seconds_count" in metrics

        await it_follows_the_bus(settings, http, people)
        wrong = await http.post("/rank", json={"viewer": "x"})
        assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_request")
        assert (await http.get("/rank")).status_code in (404, 405)
        hurried = await http.post("/rank", json=body | {"budget_ms": 1})
        assert hurried.status_code in (200, 503)
    workers = psutil.Process(ranker.process.pid).children(recursive=True)
    maps = "\n".join(m.path for worker in workers for m in worker.memory_maps())
    assert not [name for name in HEAVY if f"/{name}/" in maps]


async def it_follows_the_bus(settings: Settings, http: httpx.AsyncClient, people: World) -> None:
    before = await everybody(http, people)
    gone = sorted(before)[0]
    producer = Producer.open(settings.bus_url)
    try:
        await producer.append_many([newcomer(people, 9_001), banned(gone)])
        await until(lambda: changed(http, people, (before | {9_001}) - {gone}), 10.0)
    finally:
        await producer.close()


async def test_a_corrupt_release_is_refused_and_the_old_one_stays(
    settings: Settings, redis: Redis, people: World, ranker: RankerProcess
) -> None:
    await create_topics(settings.bus_url, ALL)
    publish(settings.home, people)
    await redis.set("release:serving", "7")
    await asyncio.to_thread(ranker.wait)
    async with httpx.AsyncClient(base_url=ranker.url) as http:
        body = request_of(people, 3).model_dump(mode="json")
        await until(lambda: answers(http, body))
        publish(settings.home, people, "8")
        with (settings.home / "releases" / "8" / "taste.npy").open("r+b") as file:
            file.seek(500)
            file.write(b"damage")
        await redis.set("release:serving", "8")
        await until(lambda: logged(ranker, "release refused"))
        assert await answers(http, body)
        assert (await http.post("/rank", json=body | {"release": "8"})).status_code == 404
        assert await redis.exists("release:8:ready") == 0


async def test_a_release_for_a_ranker_that_reads_other_features_is_refused(
    settings: Settings, redis: Redis, people: World, ranker: RankerProcess
) -> None:
    await create_topics(settings.bus_url, ALL)
    publish(settings.home, people)
    path = settings.home / "releases" / "7" / MANIFEST
    path.write_text(path.read_text().replace('"name": "given_rate"', '"name": "charm"'))
    await redis.set("release:serving", "7")
    await asyncio.to_thread(ranker.wait)
    await until(lambda: logged(ranker, "release refused"))
    assert await redis.exists("release:7:ready") == 0
    assert path.exists()


async def test_a_worker_whose_supervisor_is_killed_before_it_has_started_ends(
    ranker: RankerProcess,
) -> None:
    supervisor = psutil.Process(ranker.process.pid)
    workers: list[psutil.Process] = []

    async def began() -> bool:
        workers[:] = [each for each in supervisor.children() if "--worker-id" in each.cmdline()]
        return bool(workers)

    async def ended() -> bool:
        return all(has_ended(worker) for worker in workers)

    await until(began, 60.0)
    ranker.kill()
    try:
        await until(ended, 60.0)
    finally:
        for worker in workers:
            with suppress(psutil.NoSuchProcess):
                worker.kill()


def publish(home: Path, people: World, release: str = "7") -> None:
    write_world(home / "releases" / release, people, np.random.default_rng(2))


async def answers(http: httpx.AsyncClient, body: dict[str, object]) -> bool:
    return (await http.post("/rank", json=body)).status_code == 200


async def logged(ranker: RankerProcess, words: str) -> bool:
    return words in ranker.log.read_text()


async def everybody(http: httpx.AsyncClient, people: World) -> set[int]:
    request = RetrieveRequest(
        viewer=int(people.table["person_id"][3]),
        k=10_000,
        constraints=constraints_of(people, 3),
        today=TODAY,
    )
    answer = await http.post("/retrieve_all", json=request.model_dump(mode="json"))
    return set(answer.json()["ids"])


async def changed(http: httpx.AsyncClient, people: World, expected: set[int]) -> bool:
    return await everybody(http, people) == expected


def newcomer(people: World, person: int) -> Message:
    event = events.ProfileChanged(
        event_id="new",
        person=person,
        version=1,
        birth_day=TODAY - 31 * 365,
        gender=events.GENDER_WOMAN,
        preferences=events.Preferences(
            seeks=[events.GENDER_MAN, events.GENDER_WOMAN],
            age_min=18,
            age_max=99,
            max_distance_km=100.0,
        ),
        location=events.Location(
            latitude=float(people.latitude[3]), longitude=float(people.longitude[3])
        ),
        visibility=events.VISIBILITY_VISIBLE,
    )
    return Message(PROFILE_CHANGED.name, person_key(person), event.SerializeToString())


def banned(person: int) -> Message:
    event = events.SafetyDecided(
        event_id="ban", person=person, decision=events.SAFETY_DECISION_BANNED
    )
    return Message(SAFETY_DECIDED.name, person_key(person), event.SerializeToString())
