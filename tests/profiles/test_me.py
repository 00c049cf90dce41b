"""The profiles API: what is acknowledged is in Postgres, in the outbox and in Redis."""

import asyncio

import asyncpg
import pytest
from redis.asyncio import Redis

from contracts import events_pb2 as events
from features.news import CHANGED, heads_of
from features.person_row import decode_heads, decode_tail
from gravity.kernel import Kernel
from gravity.problems import Problem
from profiles.api import problems
from profiles.app import create_app
from tests.features.news import hearing
from tests.signed_client import SignedClient

ME = 42
PROFILE: dict[str, object] = {
    "name": " Robin ",
    "birth_date": "1991-05-04",
    "gender": "woman",
    "attributes": {"body_type": "athletic", "height_cm": "172"},
    "photos": [{"url": "https://example.org/1.jpg", "blurhash": "L", "width": 3, "height": 4}],
}
PREFERENCES: dict[str, object] = {
    "seeks": ["nonbinary", "man"],
    "age_min": 25,
    "age_max": 40,
    "max_distance_km": 30.1,
}


async def changes(pool: asyncpg.Pool) -> list[events.ProfileChanged]:
    rows = await pool.fetch("select value from outbox order by id")
    return [events.ProfileChanged.FromString(row["value"]) for row in rows]


async def row(redis: Redis, person: int = ME) -> bytes:
    found = await redis.get(f"person:{{{person}}}")
    assert found is not None
    return bytes(found)


async def test_a_person_is_created_located_and_given_preferences(
    api: SignedClient, persons: asyncpg.Pool, redis: Redis
) -> None:
    assert (await api.get(ME, "/v1/me")).json()["code"] == "profile_missing"
    created = await api.put(ME, "/v1/me", PROFILE)
    assert created.status_code == 201
    assert decode_heads([await row(redis)]).people["visible"][0] == 0
    assert (await changes(persons))[0].visibility == events.VISIBILITY_HIDDEN
    await api.put(ME, "/v1/me/location", {"latitude": 37.7749, "longitude": -122.4194})
    await api.put(ME, "/v1/me/preferences", PREFERENCES | {"visibility": "visible"})
    me = (await api.get(ME, "/v1/me")).json()
    assert me == {
        **PROFILE,
        "name": "Robin",
        "id": ME,
        "version": 3,
        "age": 34,
        "location": {"latitude": 37.7749, "longitude": -122.4194},
        "preferences": PREFERENCES | {"seeks": ["man", "nonbinary"], "exposure": 1.0},
        "visibility": "visible",
        "simulated": False,
    }
    head = decode_heads([await row(redis)]).head[0]
    assert (head["version"], head["latitude"], head["longitude"]) == (3, 37.7749, -122.4194)
    assert head["person"]["visible"]
    assert head["person"]["seeks"] == 0b1010
    tail = decode_tail(await row(redis))
    assert (tail.name, len(tail.photos)) == ("Robin", 1)
    last = (await changes(persons))[-1]
    assert (last.version, last.person, list(last.preferences.seeks)) == (3, ME, [1, 3])
    assert last.location.latitude == 37.7749
    assert last.visibility == events.VISIBILITY_VISIBLE
    stored = await persons.fetchrow("select * from persons")
    assert (stored["version"], stored["seeks"]) == (3, [1, 3])


async def test_the_same_again_is_no_change(api: SignedClient, persons: asyncpg.Pool) -> None:
    assert (await api.put(ME, "/v1/me", PROFILE)).status_code == 201
    await api.put(ME, "/v1/me/preferences", PREFERENCES)
    again = await api.put(ME, "/v1/me", PROFILE)
    assert (again.status_code, again.json()["version"]) == (200, 2)
    assert (await api.put(ME, "/v1/me/preferences", PREFERENCES)).json()["version"] == 2
    assert len(await changes(persons)) == 2


async def test_how_much_exposure_is_enough_is_told_and_stays_until_it_is_set_again(
    api: SignedClient, persons: asyncpg.Pool
) -> None:
    await api.put(ME, "/v1/me", PROFILE)
    told = []
    # A client that does not know the dial leaves it alone.
    for exposure, expected in ((None, 1.0), (0.3, 0.3), (None, 0.3), (4, 4.0), (0.25, 0.25)):
        body = PREFERENCES if exposure is None else PREFERENCES | {"exposure": exposure}
        await api.put(ME, "/v1/me/preferences", body)
        me = (await api.get(ME, "/v1/me")).json()
        assert me["preferences"]["exposure"] == expected
        told.append(expected)
    found = [each.preferences.exposure for each in await changes(persons)]
    assert found == pytest.approx([1.0, 1.0, 0.3, 4.0, 0.25])


async def test_hidden_and_paused_people_are_not_shown(api: SignedClient, redis: Redis) -> None:
    await api.put(ME, "/v1/me", PROFILE)
    await api.put(ME, "/v1/me/location", {"latitude": 0, "longitude": 0})
    for visibility in ("hidden", "paused", "visible"):
        await api.put(ME, "/v1/me/preferences", PREFERENCES | {"visibility": visibility})
        shown = bool(decode_heads([await row(redis)]).people["visible"][0])
        assert shown == (visibility == "visible")


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(90, 0), (-90, 17), (0, 180), (0, -180), (90, 180), (-0.0, -0.0)]
)
async def test_poles_and_date_line_are_places(
    api: SignedClient, redis: Redis, latitude: float, longitude: float
) -> None:
    await api.put(ME, "/v1/me", PROFILE)
    place = {"latitude": latitude, "longitude": longitude}
    assert (await api.put(ME, "/v1/me/location", place)).json()["location"] == place
    assert len(await redis.keys("cell:*")) == 1


async def test_a_move_leaves_the_old_cell(api: SignedClient, redis: Redis) -> None:
    await api.put(ME, "/v1/me", PROFILE)
    await api.put(ME, "/v1/me/location", {"latitude": 37.7749, "longitude": -122.4194})
    (old,) = await redis.keys("cell:*")
    await api.put(ME, "/v1/me/location", {"latitude": 40.7, "longitude": -74.0})
    (new,) = await redis.keys("cell:*")
    assert old != new
    assert await redis.zrange(new, 0, -1) == [b"%d" % ME]


async def test_changes_at_once_end_in_one_state(
    api: SignedClient, persons: asyncpg.Pool, redis: Redis
) -> None:
    await api.put(ME, "/v1/me", PROFILE)
    await asyncio.gather(
        *(api.put(ME, "/v1/me/location", {"latitude": n, "longitude": n}) for n in range(1, 9))
    )
    stored = await persons.fetchrow("select version, latitude from persons")
    head = decode_heads([await row(redis)]).head[0]
    assert (head["version"], head["latitude"]) == (stored["version"], stored["latitude"])
    assert stored["version"] == 9
    assert [change.version for change in await changes(persons)] == list(range(1, 10))


async def test_many_create_the_same_person_at_once(
    api: SignedClient, persons: asyncpg.Pool
) -> None:
    answers = await asyncio.gather(*(api.put(ME, "/v1/me", PROFILE) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 201]
    assert len(await changes(persons)) == 1


BAD_PROFILES: list[tuple[dict[str, object], str]] = [
    ({"birth_date": "2008-03-02"}, "too_young"),
    ({"birth_date": "2026-03-02"}, "birth_date_impossible"),
    ({"birth_date": "1800-01-01"}, "birth_date_impossible"),
    ({"birth_date": "1991-02-30"}, "invalid_request"),
    ({"gender": "unknown"}, "invalid_request"),
    ({"gender": 2}, "invalid_request"),
    ({"name": "  "}, "invalid_request"),
    ({"name": "x" * 51}, "invalid_request"),
    ({"name": "a\x00b"}, "invalid_request"),
    ({"name": "\ud800"}, "invalid_request"),
    ({"attributes": {"job": "\x00"}}, "invalid_request"),
    ({"attributes": {"Job Title": "x"}}, "invalid_request"),
    ({"attributes": {f"a{n}": "x" for n in range(41)}}, "invalid_request"),
    ({"photos": [{"url": "javascript:alert(1)", "width": 1, "height": 1}]}, "invalid_request"),
    ({"photos": [{"url": "https://x/1", "width": 0, "height": 1}]}, "invalid_request"),
]
BAD_PLACES: list[dict[str, object]] = [
    {"latitude": float("nan"), "longitude": 0},
    {"latitude": 0, "longitude": float("inf")},
    {"latitude": 90.0001, "longitude": 0},
    {"latitude": 0, "longitude": -180.5},
    {"latitude": "north", "longitude": 0},
    {"latitude": 0},
]
BAD_PREFERENCES: list[tuple[dict[str, object], str]] = [
    ({"age_min": 41}, "age_limits_crossed"),
    ({"age_min": 17}, "invalid_request"),
    ({"age_max": 10**9}, "invalid_request"),
    ({"seeks": []}, "invalid_request"),
    ({"seeks": ["man", "man"]}, "invalid_request"),
    ({"seeks": ["cat"]}, "invalid_request"),
    ({"max_distance_km": 0}, "invalid_request"),
    ({"max_distance_km": float("nan")}, "invalid_request"),
    ({"max_distance_km": 1e300}, "invalid_request"),
    ({"exposure": 0.24}, "invalid_request"),
    ({"exposure": 4.1}, "invalid_request"),
    ({"exposure": -1}, "invalid_request"),
    ({"exposure": 0}, "invalid_request"),
    ({"exposure": float("nan")}, "invalid_request"),
    ({"exposure": "much"}, "invalid_request"),
    ({"visibility": "loud"}, "invalid_request"),
]


async def test_bad_input_is_a_problem_and_changes_nothing(
    api: SignedClient, persons: asyncpg.Pool
) -> None:
    await api.put(ME, "/v1/me", PROFILE)
    asked = [
        *(("/v1/me", PROFILE | change, code) for change, code in BAD_PROFILES),
        *(("/v1/me/location", place, "invalid_request") for place in BAD_PLACES),
        *(("/v1/me/preferences", PREFERENCES | change, code) for change, code in BAD_PREFERENCES),
    ]
    for path, body, code in asked:
        response = await api.put(ME, path, body)
        assert (response.status_code, response.json()["code"]) == (422, code), body
        assert response.headers["content-type"] == "application/problem+json"
    huge = await api.put(ME, "/v1/me", PROFILE | {"name": "x" * 2_000_000})
    assert (huge.status_code, huge.json()["code"]) == (413, "body_too_large")
    assert len(await changes(persons)) == 1


async def test_eighteen_today_is_old_enough(api: SignedClient) -> None:
    born = PROFILE | {"birth_date": "2008-03-01"}
    assert (await api.put(ME, "/v1/me", born)).json()["age"] == 18


async def test_nobody_without_a_profile_has_a_place_or_preferences(api: SignedClient) -> None:
    for path, body in (("location", {"latitude": 0, "longitude": 0}), ("preferences", PREFERENCES)):
        response = await api.put(ME, f"/v1/me/{path}", body)
        assert (response.status_code, response.json()["code"]) == (404, "profile_missing")


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.CannotConnectNowError,
        asyncpg.AdminShutdownError,
        asyncpg.CrashShutdownError,
        asyncpg.TooManyConnectionsError,
        asyncpg.InterfaceError,
        asyncpg.ConnectionDoesNotExistError,
    ],
)
def test_a_restart_of_postgres_asks_to_try_again(error: type[Exception]) -> None:
    with pytest.raises(Problem) as problem, problems():
        raise error("away")
    assert (problem.value.status, problem.value.code) == (503, "unavailable")


async def test_every_operation_has_examples_and_problem_answers(kernel: Kernel) -> None:
    document = create_app(kernel).openapi()
    assert set(document["paths"]) == {"/v1/me", "/v1/me/location", "/v1/me/preferences"}
    for operations in document["paths"].values():
        for operation in operations.values():
            assert {"401", "503"} <= set(operation["responses"])
    schemas = document["components"]["schemas"].values()
    examples = {schema["title"] for schema in schemas if "example" in schema}
    assert {"Me", "Profile", "Location", "Preferences", "Problem"} <= examples


async def test_every_change_is_told_with_the_head_of_the_row(
    api: SignedClient, redis: Redis
) -> None:
    await api.put(ME, "/v1/me", PROFILE)
    await api.put(ME, "/v1/me/location", {"latitude": 37.5, "longitude": -122.5})
    async with hearing(redis) as heard:
        await api.put(ME, "/v1/me/location", {"latitude": -10.0, "longitude": 60.0})
        channel, told = await heard()
        assert channel == CHANGED
        (head,) = heads_of([told])
        assert (head["version"], head["latitude"], head["longitude"]) == (3, -10.0, 60.0)
        assert head == decode_heads([await row(redis)]).head[0]
        await api.put(ME, "/v1/me/preferences", PREFERENCES | {"visibility": "hidden"})
        (hidden,) = heads_of([(await heard())[1]])
        assert (hidden["version"], hidden["person"]["visible"]) == (4, False)
