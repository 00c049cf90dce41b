"""Killed between Postgres and Redis, erased, imported: the row follows the state."""

import asyncio
from dataclasses import replace

import asyncpg
import pyarrow as pa
import pytest
from redis.asyncio import Redis

from contracts import events_pb2 as events
from features.lake_tables import PROFILES
from features.person_row import decode_heads
from gravity.bus import Record
from gravity.kernel import Kernel
from profiles import store
from profiles.app import subscriptions
from tests.profiles.conftest import NOW
from tests.profiles.test_me import ME, PROFILE
from tests.signed_client import SignedClient

HOME = {"latitude": 37.7749, "longitude": -122.4194}


async def consume(kernel: Kernel, *records: Record) -> None:
    async with kernel.pool.acquire() as conn, conn.transaction():
        for subscription in subscriptions(kernel):
            await subscription.handle(conn, records)


async def published(kernel: Kernel) -> list[Record]:
    rows = await kernel.pool.fetch("select * from outbox order by id")
    return [Record(row["topic"], 0, row["id"], row["key"], row["value"]) for row in rows]


def erasure(person: int) -> Record:
    event = events.PersonErased(person=person)
    return Record("person.erased", 0, 0, b"", event.SerializeToString())


async def test_the_consumer_writes_what_a_killed_request_could_not(
    api: SignedClient, kernel: Kernel, redis: Redis
) -> None:
    await api.put(ME, "/v1/me", PROFILE)
    await api.put(ME, "/v1/me/location", HOME)
    kept = await redis.get(f"person:{{{ME}}}")
    await redis.flushall()
    await consume(kernel, *await published(kernel))
    assert await redis.get(f"person:{{{ME}}}") == kept
    assert len(await redis.keys("cell:*")) == 1


async def test_a_late_event_does_not_bring_back_an_older_row(
    api: SignedClient, kernel: Kernel, redis: Redis
) -> None:
    await api.put(ME, "/v1/me", PROFILE)
    first = await published(kernel)
    await api.put(ME, "/v1/me/location", HOME)
    await consume(kernel, *first)
    row = await redis.get(f"person:{{{ME}}}")
    assert decode_heads([row]).head["version"][0] == 2


async def test_an_erased_person_stays_erased(
    api: SignedClient, kernel: Kernel, redis: Redis
) -> None:
    await api.put(ME, "/v1/me", PROFILE)
    await api.put(ME, "/v1/me/location", HOME)
    late = await published(kernel)
    await consume(kernel, erasure(ME))
    await consume(kernel, *late)
    assert await redis.keys("*") == []
    assert await kernel.pool.fetchval("select count(*) from persons") == 0
    response = await api.put(ME, "/v1/me", PROFILE)
    assert (response.status_code, response.json()["code"]) == (410, "person_erased")
    await store.import_profiles(kernel.pool, table([ME, 43], version=5))
    assert [r["person"] for r in await kernel.pool.fetch("select person from persons")] == [43]


async def test_an_erasure_waits_for_a_change_under_way(
    api: SignedClient, kernel: Kernel, redis: Redis
) -> None:
    await api.put(ME, "/v1/me", PROFILE)
    async with kernel.pool.acquire() as conn:
        async with conn.transaction():
            await store.lock(conn, ME)
            person = await store.find(conn, ME)
            assert person is not None
            erasing = asyncio.create_task(consume(kernel, erasure(ME)))
            waits = "select true from pg_locks where locktype = 'advisory' and not granted"
            while not await kernel.pool.fetchval(waits):
                assert not erasing.done()
            await store.save(conn, replace(person, version=2))
        await erasing
    assert await kernel.pool.fetchval("select count(*) from persons") == 0


def table(people: list[int], version: int, **change: object) -> pa.Table:
    row: dict[str, object] = {
        "version": version,
        "changed_at": NOW,
        "name": "Kim",
        "birth_day": 9000,
        "gender": 3,
        "seeks": [1, 2],
        "age_min": 20,
        "age_max": 50,
        "max_distance_km": 25.5,
        "latitude": 37.5,
        "longitude": -122.0,
        "visibility": 1,
        "body_type": "fit",
        "height_cm": 172.5,
        "attributes": '{"job": "x"}',
        "simulated": True,
        "exposure": 2.5,
    }
    rows = [row | {"person": person} | change for person in people]
    return pa.Table.from_pylist(rows, schema=PROFILES)


async def test_an_imported_person_sees_photos_that_a_client_could_not_have_written(
    api: SignedClient, persons: asyncpg.Pool
) -> None:
    photo = {"url": "/photos/avatar-0007.png", "blurhash": "00N-vR", "width": 192, "height": 192}
    await store.import_profiles(persons, table([1], version=1, photos=[photo, photo]))
    assert (await api.get(1, "/v1/me")).json()["photos"] == [photo, photo]
    profile = {"name": "Kim", "birth_date": "1991-05-04", "gender": "woman", "photos": [photo]}
    assert (await api.put(1, "/v1/me", profile)).status_code == 422


async def test_an_import_is_read_back_and_never_replaces_something_newer(
    persons: asyncpg.Pool,
) -> None:
    await store.import_profiles(persons, table([1, 2], version=2))
    await store.import_profiles(persons, table([1], version=1, name="Older"))
    await store.import_profiles(persons, table([2], version=3, name="Newer"))
    one, two = sorted(await store.find_many(persons, [1, 2, 3]), key=lambda p: p.person)
    assert (one.profile.name, one.version, two.profile.name, two.version) == ("Kim", 2, "Newer", 3)
    assert one.profile.attributes == {"job": "x", "body_type": "fit", "height_cm": "172.5"}
    assert one.preferences.seeks == (1, 2)
    assert one.location is not None
    assert one.location.latitude == pytest.approx(37.5)
