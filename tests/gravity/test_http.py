"""Every answer of an app has the same edges: problems, ids, limits, metrics, docs."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Query
from pydantic import BaseModel

from gravity.auth import Viewer
from gravity.http import MAX_BODY, create_app
from gravity.issuer import issue, new_keys
from gravity.kernel import Kernel, open_kernel
from gravity.problems import Problem, problem_responses
from gravity.settings import Settings

KEYS = new_keys()
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Note(BaseModel):
    size: int


def router() -> APIRouter:
    routes = APIRouter()

    @routes.get("/v1/me", responses=problem_responses(401))
    async def me(viewer: Viewer) -> dict[str, int]:
        return {"viewer": viewer}

    @routes.post("/v1/notes")
    async def note(body: Note) -> Note:
        return body

    @routes.get("/v1/deck/{deck}")
    async def deck(deck: str, size: Annotated[int, Query(le=50)] = 20) -> dict[str, object]:
        if deck == "gone":
            raise Problem(410, "deck_gone", "The deck is gone", "Ask again.", {"deck": deck})
        if deck == "broken":
            raise RuntimeError("secret inside")
        return {"size": size}

    return routes


@pytest.fixture
async def kernel(settings: Settings) -> AsyncIterator[Kernel]:
    async with open_kernel(settings.model_copy(update={"jwt_public_key": KEYS.public})) as kernel:
        yield replace(kernel, clock=lambda: NOW)


@asynccontextmanager
async def client_of(kernel: Kernel, max_body: int = MAX_BODY) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app("Tests", kernel, [router()], max_body=max_body)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://tests") as client:
        yield client


@pytest.fixture
async def client(kernel: Kernel) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(kernel) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def code_of(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == answer.status_code
    assert document["type"] == f"urn:gravity:problem:{document['code']}"
    assert document["instance"].endswith(answer.headers["x-request-id"])
    assert document["title"]
    return answer.status_code, document["code"]


async def test_a_bearer_token_names_the_viewer(client: httpx.AsyncClient) -> None:
    answer = await client.get(
        "/v1/me", headers=bearer(issue(KEYS.private, 42, NOW, timedelta(hours=1)))
    )
    assert answer.json() == {"viewer": 42}


async def test_who_has_no_valid_token_is_told_why(client: httpx.AsyncClient) -> None:
    expired = issue(KEYS.private, 42, NOW - timedelta(hours=2), timedelta(hours=1))
    others = issue(new_keys().private, 42, NOW, timedelta(hours=1))
    assert code_of(await client.get("/v1/me")) == (401, "token_missing")
    basic = await client.get("/v1/me", headers={"Authorization": "Basic eDp5"})
    assert code_of(basic) == (401, "token_missing")
    assert code_of(await client.get("/v1/me", headers=bearer(expired))) == (401, "token_expired")
    refused = await client.get("/v1/me", headers=bearer(others))
    assert code_of(refused) == (401, "token_invalid")
    assert refused.headers["www-authenticate"] == "Bearer"


async def test_what_the_framework_refuses_is_a_problem_too(client: httpx.AsyncClient) -> None:
    assert code_of(await client.get("/nowhere")) == (404, "not_found")
    assert code_of(await client.delete("/v1/notes")) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"size": NaN}', b'{"size": "x"}', b"\xff\xfe", b'{"size": 1e400}']
)
async def test_a_body_that_does_not_fit_is_a_problem(
    client: httpx.AsyncClient, body: bytes
) -> None:
    answer = await client.post(
        "/v1/notes", content=body, headers={"content-type": "application/json"}
    )
    assert code_of(answer) in {(422, "invalid_request"), (400, "malformed_request")}


async def test_a_deeply_nested_body_is_a_problem(client: httpx.AsyncClient) -> None:
    body = b'{"size":' + b"[" * 200_000
    headers = {"content-type": "application/json"}
    status, _ = code_of(await client.post("/v1/notes", content=body, headers=headers))
    assert status in {400, 422}


async def test_an_invalid_field_is_named_and_its_value_not_repeated(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/v1/deck/a", params={"size": "31337 secret"})
    assert code_of(answer) == (422, "invalid_request")
    assert answer.json()["errors"][0]["at"] == ["query", "size"]
    assert "secret" not in answer.text


async def test_a_problem_raised_by_a_route_carries_its_extras(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/deck/gone")
    assert code_of(answer) == (410, "deck_gone")
    assert (answer.json()["detail"], answer.json()["deck"]) == ("Ask again.", "gone")


async def test_an_unforeseen_error_tells_the_client_nothing(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/deck/broken")
    assert code_of(answer) == (500, "internal_error")
    assert "secret" not in answer.text


async def test_a_body_over_the_limit_is_refused_with_and_without_a_length(kernel: Kernel) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b" " * 100

    async with client_of(kernel, max_body=500) as client:
        told = await client.post("/v1/notes", content=b" " * 501)
        untold = await client.post("/v1/notes", content=chunks())
        fits = await client.post("/v1/notes", json={"size": 1})
    assert code_of(told) == (413, "body_too_large")
    assert code_of(untold) == (413, "body_too_large")
    assert fits.status_code == 200


async def test_a_request_keeps_a_proper_id_and_gets_one_otherwise(
    client: httpx.AsyncClient,
) -> None:
    kept = await client.get("/healthz", headers={"X-Request-Id": "abc-1"})
    forged = await client.get("/healthz", headers={"X-Request-Id": 'x" "y'})
    assert kept.headers["x-request-id"] == "abc-1"
    assert len(forged.headers["x-request-id"]) == 36


async def test_health_and_readiness(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).status_code == 200
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "failed": []})


async def test_an_app_is_not_ready_while_a_check_fails(kernel: Kernel) -> None:
    async def refuse() -> None:
        raise ConnectionError

    app = create_app("Tests", kernel, [], checks={"ranker": refuse})
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://tests"
    ) as client:
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["failed"]) == (503, ["ranker"])


async def test_requests_are_counted_by_route_not_by_path(client: httpx.AsyncClient) -> None:
    await client.get("/v1/deck/anything")
    await client.get("/no/such/path")
    text = (await client.get("/metrics")).text
    line = 'http_requests_total{method="GET",route="/v1/deck/{deck}",status="200"}'
    assert line in text
    assert 'route="unmatched"' in text
    assert "anything" not in text
    assert "http_request_seconds_bucket" in text


async def test_the_access_log_has_no_query_and_no_path(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="gravity.access"):
        await client.get("/v1/deck/private", params={"size": 7, "token": "hunter2"})
    [line] = [record for record in caplog.records if record.name == "gravity.access"]
    assert vars(line)["route"] == "/v1/deck/{deck}"
    assert "hunter2" not in str(vars(line))
    assert "private" not in str(vars(line))


async def test_the_api_document_describes_errors_as_problems(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    assert {"Problem", "InvalidField"} <= set(schemas)
    assert "HTTPValidationError" not in schemas
    reference = {"$ref": "#/components/schemas/Problem"}
    me = document["paths"]["/v1/me"]["get"]
    assert me["responses"]["401"]["content"]["application/problem+json"]["schema"] == reference
    assert me["security"] == [{"person": []}]
    invalid = document["paths"]["/v1/notes"]["post"]["responses"]["422"]
    assert invalid["content"]["application/problem+json"]["schema"] == reference
