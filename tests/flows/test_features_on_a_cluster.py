"""All that touches people's features, with the features in a Redis Cluster of three nodes and
everything else in one Redis."""

import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from contracts import events_pb2 as events
from contracts.topics import ALL, PERSON_ERASED, PROFILE_CHANGED, SWIPE_RECORDED, Topic
from features import online
from features.behaviour_check import differences
from features.behaviour_rows import restore_behaviour
from features.forget import erased
from features.live_releases import LiveReleases
from features.mlflow_rest import MLflow
from features.reader import read
from features.release import Release
from features.stream import subscription
from features.views import BEHAVIOUR, PROFILE, factors
from features.whereabouts import features_of
from flows import activation, features_gate
from flows.learning import Draft
from flows.promote import promote_release, roll_back
from gravity.bus import Record, create_topics
from gravity.kernel import Kernel, open_kernel
from gravity.postgres import migrate
from gravity.settings import Settings
from serving import pipeline
from serving.releases import Releases
from serving.store import Online
from serving.warming import request_of
from tests.features.clusters import Node
from tests.flows.drafts import registered
from tests.flows.test_promotion import quiet, serving
from tests.flows.workers import working
from tests.flows.worlds import utc_now

NEWCOMER, LEAVER = 10_000, 5


@pytest.fixture
async def kernel(home: Settings, cluster_url: str) -> AsyncIterator[Kernel]:
    """As the others', with the features elsewhere."""
    await create_topics(home.bus_url, ALL)
    settings = home.model_copy(update={"features_url": cluster_url})
    async with open_kernel(settings) as kernel:
        await migrate(kernel.pool, "gravity")
        yield kernel


@pytest.fixture
async def ranker(kernel: Kernel) -> AsyncIterator[Releases]:
    """The ranker's releases; stream and relay beside it."""
    async with working(kernel, activation.releases_folder(kernel)) as ranker:
        yield ranker


async def test_a_release_goes_live_ranks_and_retires_and_the_redis_has_no_feature(
    kernel: Kernel,
    mlflow: MLflow,
    draft: Draft,
    ranker: Releases,
    nodes: Sequence[Node],
    tmp_path: Path,
) -> None:
    store, lake = features_of(kernel), kernel.settings.lake
    first = await registered(kernel, mlflow, draft, tmp_path)
    await promote_release(mlflow, kernel, first.id, "Ada", quiet)
    people = first.release.arrays.person_id
    assert await everybody_has(kernel, first.id, people)
    held = [node.command("DBSIZE") for node in nodes]
    assert all(isinstance(n, int) and n > len(people) // 5 for n in held)
    assert await differences(kernel.pool, store, lake, 0) == []

    loaded, reads = ranker.get(first.id), Online(kernel.redis, store)
    request = request_of(loaded, 0, (utc_now() - datetime(1970, 1, 1, tzinfo=UTC)).days)
    before = await pipeline.rank(reads, loaded, request)
    likes = likes_of(request.viewer, people[1:40].tolist())
    await stream(kernel, {first.id: first.release}, SWIPE_RECORDED, likes)
    after = await pipeline.rank(reads, loaded, request)
    assert not np.array_equal(after.scores, before.scores)
    rows = (await read(store, [BEHAVIOUR], [request.viewer, NEWCOMER]))["behaviour"]
    assert rows.numbers("swipes_given").tolist()[1] == 1
    # Nobody wrote these swipes to the lake: a rebuild takes back all but the newcomer's.
    assert len({d.person for d in await differences(kernel.pool, store, lake, 0)}) == 41
    await restore_behaviour(kernel.pool, store, lake)
    found = await differences(kernel.pool, store, lake, 0)
    assert {d.person for d in found} == {NEWCOMER}

    live = {first.id: first.release}
    await stream(kernel, live, PROFILE_CHANGED, [profile_of(NEWCOMER)])
    await stream(kernel, live, PERSON_ERASED, [events.PersonErased(person=LEAVER)])
    profiles = (await read(store, [PROFILE], [NEWCOMER, LEAVER]))["profile"]
    assert profiles.numbers("gender").tolist()[0] == 2
    assert np.isnan(profiles.numbers("gender")[1])
    assert (await erased(store, np.array([NEWCOMER, LEAVER]))).tolist() == [False, True]

    for _ in range(2):
        made = await registered(kernel, mlflow, draft, tmp_path)
        await promote_release(mlflow, kernel, made.id, "Ada", quiet)
    rows = (await read(store, [factors(first.id)], people))[factors(first.id).name]
    assert (rows.event_ms == -1).all()
    assert [key async for key in kernel.redis.scan_iter(match=online.KEY_PATTERN)] == []


async def test_a_node_that_lost_its_people_is_filled_before_a_release_is_served_again(
    kernel: Kernel,
    mlflow: MLflow,
    draft: Draft,
    ranker: Releases,
    nodes: Sequence[Node],
    tmp_path: Path,
) -> None:
    first = await registered(kernel, mlflow, draft, tmp_path)
    await promote_release(mlflow, kernel, first.id, "Ada", quiet)
    second = await registered(kernel, mlflow, draft, tmp_path)
    await promote_release(mlflow, kernel, second.id, "Ada", quiet)
    nodes[1].client.flushall()
    assert not (await features_gate.judge(kernel, first)).passed

    await roll_back(mlflow, kernel, "Grace", quiet)
    assert await serving(kernel) == first.id
    assert await everybody_has(kernel, first.id, first.release.arrays.person_id)
    await promote_release(mlflow, kernel, second.id, "Ada", quiet)
    assert await everybody_has(kernel, second.id, second.release.arrays.person_id)


async def everybody_has(kernel: Kernel, release_id: str, people: npt.ArrayLike) -> bool:
    """Whether all have factors of the release."""
    view = factors(release_id)
    rows = (await read(features_of(kernel), [view], people))[view.name]
    return bool(np.isfinite(rows.lists("taste")).all())


async def stream(
    kernel: Kernel,
    releases: dict[str, Release],
    topic: Topic,
    messages: Sequence[events.SwipeRecorded | events.ProfileChanged | events.PersonErased],
) -> None:
    """What the feature stream does with records of a topic."""

    async def opened(release_id: str) -> Release:
        return releases[release_id]

    # No promotion waits for one of this name.
    live = LiveReleases(kernel.redis, opened, "a test")
    # It hears of nothing before it knows which releases are live.
    await live.refresh()
    handle = subscription(features_of(kernel), live).handle
    records = [Record(topic.name, 0, n, b"", m.SerializeToString()) for n, m in enumerate(messages)]
    async with kernel.pool.acquire() as conn, conn.transaction():
        await handle(conn, records)


def likes_of(viewer: int, people: Sequence[int]) -> list[events.SwipeRecorded]:
    """The viewer likes people; a newcomer the first of them."""
    now_ms = int(utc_now().timestamp() * 1000)
    swipes = [(viewer, int(person)) for person in people] + [(NEWCOMER, int(people[0]))]
    return [
        events.SwipeRecorded(
            event_id=str(uuid.UUID(int=n)),
            occurred_at_ms=now_ms,
            swiper=swiper,
            swiped=swiped,
            action=events.ACTION_LIKE,
            source=events.Source(partition=0, offset=n),
        )
        for n, (swiper, swiped) in enumerate(swipes)
    ]


def profile_of(person: int) -> events.ProfileChanged:
    """Somebody with a place and a gender."""
    return events.ProfileChanged(
        person=person,
        version=1,
        occurred_at_ms=int(utc_now().timestamp() * 1000),
        gender=events.GENDER_WOMAN,
        birth_day=9_000,
        location=events.Location(latitude=1.0, longitude=2.0),
    )
