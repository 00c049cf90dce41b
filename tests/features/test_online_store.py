"""Feast's SDK on our store: to the byte what it answers on its own, of one Redis and of a cluster,
without its own reads."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from feast import FeatureService, FeatureStore
from feast.infra.online_stores.redis import RedisOnlineStore, RedisOnlineStoreConfig
from feast.online_response import OnlineResponse
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as ConnectionFailure

from features.cluster import Cluster
from features.keyed import Store
from features.repo.definitions import PERSON, feature_view
from features.repo.store import feature_store, history_folder, notation, register
from features.view_writer import write_view
from features.views import BEHAVIOUR, JOIN_KEY, PROFILE, View
from gravity.settings import Settings
from tests.features.test_feast_equality import (
    AT_MS,
    FACTORS,
    PERSONS,
    SHORT_LIVED,
    columns_of,
    frame_of,
)
from tests.infrastructure import Infra

VIEWS = (BEHAVIOUR, PROFILE, FACTORS, SHORT_LIVED)
NAMES = [f"{view.name}:{feature.name}" for view in VIEWS for feature in view.features]
# Their names alone occur in another view too.
OWN = [f"{view.name}:{f.name}" for view in VIEWS[:3] for f in view.features]


@pytest.fixture(params=["one Redis", "a cluster"])
async def online(
    request: pytest.FixtureRequest, infra: Infra, redis: Redis, cluster_url: str
) -> AsyncIterator[tuple[str, Store]]:
    """The URL of the features, and an empty store there."""
    if request.param == "one Redis":
        yield infra.redis_url, redis
        return
    cluster = Cluster.from_url(cluster_url)
    yield cluster_url, cluster
    await cluster.aclose()


@pytest.fixture
async def stores(
    online: tuple[str, Store], tmp_path: Path
) -> AsyncIterator[tuple[FeatureStore, FeatureStore]]:
    """Feast's own and ours, of the same features: all views, people 1 to 3 have rows."""
    for view in VIEWS:
        await write_view(online[1], view, [1, 2, 3], columns_of(view), AT_MS)  # type: ignore[arg-type]
    # One without a row of one view.
    await write_view(online[1], BEHAVIOUR, [4], [[1]] * 5, AT_MS + 1)
    settings = settings_of(tmp_path, online[0])
    feasts = feature_store(settings, ["7"], RedisOnlineStoreConfig)
    ours = feature_store(settings, ["7"])
    for each in (feasts, ours):
        register(each, VIEWS, history_folder(settings))
    yield feasts, ours
    await ours.close()


def settings_of(home: Path, features_url: str) -> Settings:
    return Settings(
        home=home,
        postgres_url="",
        redis_url="redis://127.0.0.1:1",
        features_url=features_url,
        bus_url="",
        card_token_key=SecretStr("0" * 32),
        jwt_public_key="",
    )


async def test_the_answer_is_feasts(
    stores: tuple[FeatureStore, FeatureStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    feasts, ours = stores
    questions: list[tuple[list[str], list[int], bool]] = [
        (NAMES, [*PERSONS, 4], True),
        (OWN, [3], False),
        (OWN[::-2], [4, 99, 4, 1], False),
        (["factors_7:taste"], [99, 98], False),
        (OWN, list(range(60)), True),
    ]
    wanted = [await ask(feasts, *question) for question in questions]
    monkeypatch.setattr(RedisOnlineStore, "_read_hash_fields", never)
    for question, response in zip(questions, wanted, strict=True):
        found = await ask(ours, *question)
        assert found.proto == response.proto
        assert found.to_dict(include_event_timestamps=True) == response.to_dict(
            include_event_timestamps=True
        )


async def test_pairs_of_people_are_asked_for_at_once(
    stores: tuple[FeatureStore, FeatureStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Views of two people each row, under names of their own."""
    feasts, ours = stores
    view = feasts.get_feature_view(BEHAVIOUR.name)
    pairs = FeatureService(
        name="pairs",
        features=[
            view.with_name("viewer").with_join_key_map({JOIN_KEY: "viewer_id"}),
            view.with_name("candidate").with_join_key_map({JOIN_KEY: "candidate_id"}),
        ],
    )
    feasts.apply([pairs])
    rows = {"viewer_id": [1, 2, 99, 1], "candidate_id": [2, 3, 4, 99]}

    def asked(store: FeatureStore) -> OnlineResponse:
        return store.get_online_features(pairs, rows, full_feature_names=True)

    wanted = await asyncio.to_thread(asked, feasts)
    monkeypatch.setattr(RedisOnlineStore, "_read_hash_fields", never)
    found = await asyncio.to_thread(asked, ours)
    assert found.proto == wanted.proto
    assert found.to_dict()["candidate__swipes_given"][:3] == [128, 300, 1]


@pytest.mark.parametrize("view", VIEWS[:3], ids=lambda view: view.name)
async def test_what_feast_writes_through_ours_is_read(
    stores: tuple[FeatureStore, FeatureStore], view: View
) -> None:
    feasts, ours = stores
    people = [5, 6, 7]
    frame = frame_of(view).assign(person_id=people)
    await asyncio.to_thread(ours.write_to_online_store, view.name, frame)
    names = [f"{view.name}:{feature.name}" for feature in view.features]
    found = await ask(ours, names, people, False)
    assert found.proto == (await ask(feasts, names, people, False)).proto
    like = (await ask(ours, names, [1, 2, 3], False)).to_dict()
    assert found.to_dict() == {**like, JOIN_KEY: people}


async def test_another_projects_people_are_read_in_feasts_way(
    redis: Redis, infra: Infra, tmp_path: Path
) -> None:
    config = feature_store(settings_of(tmp_path, infra.redis_url), []).config
    other = FeatureStore(
        config=config.model_copy(
            update={"project": "other", "registry_config": str(tmp_path / "other.db")}
        )
    )
    register_other(other, tmp_path)
    await asyncio.to_thread(other.write_to_online_store, BEHAVIOUR.name, frame_of(BEHAVIOUR))
    found = await ask(other, ["behaviour:swipes_given"], [2, 99], False)
    assert found.to_dict()["swipes_given"] == [128, None]


def register_other(store: FeatureStore, folder: Path) -> None:
    (folder / BEHAVIOUR.name).mkdir()
    view = feature_view(BEHAVIOUR, folder)
    store.apply([PERSON, view])


async def test_a_store_that_does_not_answer_raises(tmp_path: Path) -> None:
    store = feature_store(settings_of(tmp_path, "redis://127.0.0.1:1"), [])
    with pytest.raises(ConnectionFailure):
        await ask(store, ["behaviour:swipes_given"], [1], False)
    await store.close()


def test_urls_in_feasts_notation() -> None:
    assert notation("redis://cache/2") == {
        "redis_type": "redis",
        "connection_string": "cache:6379,db=2",
    }
    assert notation("rediss+cluster://us%40er:p%3Aw@a:1,b:2") == {
        "redis_type": "redis_cluster",
        "connection_string": "a:1,b:2,username=us@er,password=p:w,ssl=true",
    }


async def ask(
    store: FeatureStore, names: list[str], people: Sequence[int], full: bool
) -> OnlineResponse:
    rows = [{JOIN_KEY: int(person)} for person in people]
    return await asyncio.to_thread(store.get_online_features, names, rows, full_feature_names=full)


def never(*_: object) -> None:
    raise AssertionError("this is Feast's own read")
