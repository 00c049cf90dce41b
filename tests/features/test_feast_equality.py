"""What we read and write is what Feast reads and writes: every view, missing, null and expired."""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pytest
from feast import FeatureStore
from feast.infra.online_stores.redis import RedisOnlineStoreConfig
from pydantic import SecretStr
from redis.asyncio import Redis

from features import offline, reader, writer
from features.reader import ViewRows
from features.repo.online_store import DirectRedisOnlineStoreConfig
from features.repo.store import feature_store, history_folder, register
from features.views import BEHAVIOUR, JOIN_KEY, PROFILE, Kind, View, factors
from features.wire import packed, round_trip
from gravity.settings import Settings
from tests.features.releases import D, tiny_release
from tests.infrastructure import Infra

AT = datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)
AT_MS = 1000 * int(AT.timestamp()) + 250
FACTORS = factors("7")
SHORT_LIVED = View("short_lived", BEHAVIOUR.features, ttl_s=60)
PERSONS = [1, 2, 3, 2, 99]
"""The third has nulls, one is asked for twice, the last is unknown."""


@pytest.fixture
def feast_settings(infra: Infra, redis: Redis, tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path,
        postgres_url="",
        redis_url=infra.redis_url,
        bus_url="",
        card_token_key=SecretStr("0" * 32),
        jwt_public_key="",
    )


@pytest.fixture(params=[RedisOnlineStoreConfig, DirectRedisOnlineStoreConfig])
async def store(
    feast_settings: Settings, request: pytest.FixtureRequest
) -> AsyncIterator[FeatureStore]:
    """Feast's own store of Redis, and ours."""
    store = feature_store(feast_settings, ["7"], request.param)
    register(store, [BEHAVIOUR, PROFILE, FACTORS, SHORT_LIVED], history_folder(feast_settings))
    yield store
    await store.close()


def columns_of(view: View) -> list[list[object]]:
    """Columns of persons 1, 2 and 3; what can be null is null for the third."""
    if view.name in (BEHAVIOUR.name, SHORT_LIVED.name):
        return [[0, 127, 2], [1, 128, 300], [5, 2**40, 7], [0, 1, 2], [1_770_000_000, 5, -1]]
    if view is PROFILE:
        return [
            [1, 2, 3], [-400, 9000, 0], ["fit", "ça", None],
            [180.5, 0.0, math.nan], [-90.0, 37.75, 0.0], [180.0, -122.4, 1e-12],
        ]  # fmt: skip
    taste = np.random.default_rng(0).normal(size=(3, D)).astype(np.float32)
    taste[2] = np.nan
    return [taste.tolist(), [0.1, 0.5, math.nan], [0.25, 0.0, 1.0]]


def frame_of(view: View) -> pd.DataFrame:
    """The same as a frame for Feast to write."""
    frame = pd.DataFrame({"person_id": [1, 2, 3]})
    for feature, column in zip(view.features, columns_of(view), strict=True):
        if feature.kind is Kind.UNIX_TIMESTAMP:
            seconds = np.array(column, np.int64)
            times = pd.Series(pd.to_datetime(seconds, unit="s", utc=True))
            frame[feature.name] = times.where(seconds >= 0)
        elif feature.kind is Kind.FLOAT32_LIST:
            frame[feature.name] = pd.Series([column[0], column[1], None], dtype=object)
        else:
            frame[feature.name] = pd.Series(column)
    return frame.assign(event_timestamp=pd.Timestamp(AT))


def of_feast(view: View, found: dict[str, list[object]]) -> dict[str, list[object]]:
    """Feast's answer with our notation of nulls and times."""
    out: dict[str, list[object]] = {}
    for feature in view.features:
        column = found[feature.name]
        if feature.kind is Kind.UNIX_TIMESTAMP:
            column = [v.timestamp() if isinstance(v, datetime) else None for v in column]
        out[feature.name] = column
    return out


def of_reader(view: View, rows: ViewRows) -> dict[str, list[object]]:
    out: dict[str, list[object]] = {}
    for feature in view.features:
        values: Sequence[object] = rows.columns[feature.name].tolist()
        if feature.kind is Kind.FLOAT32_LIST:
            values = [None if np.isnan(v).any() else v for v in values]  # type: ignore[call-overload]
        out[feature.name] = [None if v != v else v for v in values]
    return out


VIEWS = pytest.mark.parametrize("view", [BEHAVIOUR, PROFILE, FACTORS], ids=lambda view: view.name)


@VIEWS
async def test_reads_what_feast_wrote_as_feast_does(
    redis: Redis, store: FeatureStore, view: View
) -> None:
    await asyncio.to_thread(store.write_to_online_store, view.name, frame_of(view))
    await _assert_equal(redis, store, view)


@VIEWS
async def test_feast_reads_what_we_wrote(redis: Redis, store: FeatureStore, view: View) -> None:
    await writer.write_view(redis, view, [1, 2, 3], columns_of(view), AT_MS)  # type: ignore[arg-type]
    rows = await _assert_equal(redis, store, view)
    assert rows.event_ms.tolist() == [AT_MS, AT_MS, AT_MS, AT_MS, -1]


@VIEWS
async def test_both_write_the_same_bytes(redis: Redis, store: FeatureStore, view: View) -> None:
    await asyncio.to_thread(store.write_to_online_store, view.name, frame_of(view))
    by_feast = await _hashes(redis)
    await redis.flushall()
    await writer.write_view(redis, view, [1, 2, 3], columns_of(view), AT_MS)  # type: ignore[arg-type]
    assert await _hashes(redis) == by_feast


async def test_expired_rows_have_feasts_values_and_are_marked(
    redis: Redis, store: FeatureStore
) -> None:
    await writer.write_view(redis, SHORT_LIVED, [1, 2, 3], columns_of(SHORT_LIVED), AT_MS)  # type: ignore[arg-type]
    rows = await _assert_equal(redis, store, SHORT_LIVED)
    assert rows.expired.tolist() == [True, True, True, True, False]
    assert np.isnan(rows.numbers("likes_given")).all()
    fresh = (await reader.read(redis, [SHORT_LIVED], [1, 99], AT_MS + 60_000))["short_lived"]
    assert fresh.expired.tolist() == [False, False]
    assert fresh.numbers("swipes_given")[0] == 1


async def test_several_views_come_in_one_read(redis: Redis, store: FeatureStore) -> None:
    views = [PROFILE, BEHAVIOUR, FACTORS]
    for view in views[:2]:
        await writer.write_view(redis, view, [1, 2, 3], columns_of(view), AT_MS)  # type: ignore[arg-type]
    found = await reader.read(redis, views, PERSONS, widths={"taste": D})
    for view in views[:2]:
        assert of_reader(view, found[view.name]) == of_reader(
            view, (await reader.read(redis, [view], PERSONS))[view.name]
        )
    assert found["factors_7"].columns["taste"].shape == (len(PERSONS), D)
    assert np.isnan(found["factors_7"].columns["taste"]).all()


async def test_materialised_factors_are_the_releases(
    redis: Redis, store: FeatureStore, feast_settings: Settings, tmp_path: Path
) -> None:
    release = tiny_release(tmp_path / "7")
    folder = history_folder(feast_settings)
    done = await asyncio.to_thread(
        offline.materialise_factors, store, folder, "7", release, AT + timedelta(days=1)
    )
    rows = (await reader.read(redis, [FACTORS], np.asarray(release.arrays.person_id)))["factors_7"]
    np.testing.assert_array_equal(rows.columns["taste"], release.arrays.taste)
    assert np.allclose(rows.columns["given_rate"], release.arrays.given_rate)
    assert done == 30


async def _assert_equal(redis: Redis, store: FeatureStore, view: View) -> ViewRows:
    found = await asyncio.to_thread(_of_sdk, store, view)
    now_ms = AT_MS + 10**9
    rows = (await reader.read(redis, [view], PERSONS, now_ms))[view.name]
    assert of_reader(view, rows) == of_feast(view, found)
    assert rows.columns[view.features[0].name][1] is not None
    return rows


def _of_sdk(store: FeatureStore, view: View) -> dict[str, list[object]]:
    names = [f"{view.name}:{feature.name}" for feature in view.features]
    rows = [{JOIN_KEY: person} for person in PERSONS]
    found: dict[str, list[object]] = store.get_online_features(names, rows).to_dict()
    return found


async def _hashes(redis: Redis) -> dict[bytes, dict[bytes, bytes]]:
    keys: list[bytes] = await redis.keys()
    found = {}
    for key in keys:
        (pairs,) = await round_trip(redis, packed(b"HGETALL", key), 1)
        parts = cast("list[bytes]", pairs)
        fields = dict(zip(parts[::2], parts[1::2], strict=True))
        found[key] = {name: value for name, value in fields.items() if name != b"_v"}
    return found
