"""Requests that are wrong get a problem document and no deck."""

import httpx
import pytest

from gravity.kernel import Kernel
from tests.discovery_api.conftest import Discovery


def viewer_of(discovery: Discovery) -> int:
    return int(discovery.people.table["person_id"][3])


def problem(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


OUT_OF_RANGE: list[dict[str, str | float]] = [
    {"size": 0},
    {"size": 101},
    {"size": "many"},
    {"deck_id": "not-a-uuid"},
    {"age_min": 17},
    {"age_max": 121},
    {"max_distance_km": 0},
    {"max_distance_km": -5},
    {"max_distance_km": "nan"},
    {"max_distance_km": "inf"},
]


async def test_parameters_out_of_range(discovery: Discovery) -> None:
    for params in OUT_OF_RANGE:
        answer = await discovery.get(viewer_of(discovery), **params)
        assert problem(answer) == (422, "invalid_request"), params


async def test_crossed_age_limits(discovery: Discovery) -> None:
    response = await discovery.get(viewer_of(discovery), age_min=40, age_max=30)
    assert problem(response) == (422, "age_limits_crossed")


async def test_no_token(discovery: Discovery) -> None:
    assert problem(await discovery.http.get("/v1/deck")) == (401, "token_missing")


async def test_a_viewer_without_a_profile(discovery: Discovery) -> None:
    assert problem(await discovery.get(123_456_789)) == (409, "profile_missing")


async def test_a_deck_without_redis_is_unavailable(discovery: Discovery) -> None:
    kernel: Kernel = discovery.kernel
    kernel.redis.connection_pool.connection_kwargs["port"] = 1
    await kernel.redis.connection_pool.disconnect()
    assert problem(await discovery.get(viewer_of(discovery))) == (503, "unavailable")


async def test_a_deck_too_many_is_refused_at_once(
    discovery: Discovery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("discovery_api.decks._MOST_AT_ONCE", 0)
    response = await discovery.get(viewer_of(discovery))
    assert problem(response) == (503, "unavailable")
    assert response.headers["retry-after"] == "1"
    assert discovery.ranker.asked == 0
    monkeypatch.undo()
    assert (await discovery.get(viewer_of(discovery))).status_code == 200


async def test_a_redis_that_answers_late_ends_the_deck_and_nothing_else(
    discovery: Discovery, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis = discovery.kernel.redis
    # With the ranker's budget of five seconds: 0.3 s in all.
    monkeypatch.setattr("discovery_api.decks._REST_S", -4.7)
    await redis.client_pause(1500)
    assert problem(await discovery.get(viewer_of(discovery))) == (503, "unavailable")
    monkeypatch.undo()
    deck = await discovery.get(viewer_of(discovery))
    assert (deck.status_code, deck.json()["policy"]) == (200, "ranker")


async def test_the_api_is_described_with_examples_and_problems(discovery: Discovery) -> None:
    document = (await discovery.http.get("/openapi.json")).json()
    operation = document["paths"]["/v1/deck"]["get"]
    assert set(operation["responses"]) == {"200", "401", "409", "422", "503"}
    schemas = document["components"]["schemas"]
    deck = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    assert "example" in schemas[deck.rpartition("/")[2]]
    assert {"Problem", "Why"} <= set(schemas)
    assert operation["security"]
