"""Which pages of a browser may call the API."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from pydantic import ValidationError

from gravity.http import MAX_BODY
from gravity.kernel import Kernel, open_kernel
from gravity.settings import Settings
from tests.gravity.test_http import client_of

PLAYGROUND = "http://127.0.0.1:9002"
OTHERS = ("http://localhost:9002", "http://127.0.0.1:9003", "https://127.0.0.1:9002", "null")
ALLOWED = "access-control-allow-origin"


@pytest.fixture
async def kernel(settings: Settings) -> AsyncIterator[Kernel]:
    async with open_kernel(settings) as kernel:
        yield kernel


@pytest.fixture
async def client(kernel: Kernel) -> AsyncIterator[httpx.AsyncClient]:
    """Of an app with a playground."""
    settings = kernel.settings.model_copy(update={"playground_url": PLAYGROUND})
    async with client_of(replace(kernel, settings=settings)) as client:
        yield client


async def preflight(client: httpx.AsyncClient, origin: str, method: str) -> httpx.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return await client.options("/v1/notes", headers=headers)


async def test_the_playground_may_ask_and_asks_for_leave_once(client: httpx.AsyncClient) -> None:
    for method in ("GET", "POST"):
        answer = await preflight(client, PLAYGROUND, method)
        assert answer.status_code == 200
        assert answer.headers[ALLOWED] == PLAYGROUND
        assert int(answer.headers["access-control-max-age"]) >= 600
    assert "access-control-allow-credentials" not in answer.headers
    asked = await client.get("/v1/deck/any", headers={"Origin": PLAYGROUND})
    assert asked.headers[ALLOWED] == PLAYGROUND
    assert "Origin" in asked.headers["vary"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/me", 401),
        ("/v1/deck/gone", 410),
        ("/v1/deck/any?size=51", 422),
        ("/v1/deck/broken", 500),
        ("/none", 404),
    ],
)
async def test_the_playground_may_read_every_problem(
    client: httpx.AsyncClient, path: str, status: int
) -> None:
    answer = await client.get(path, headers={"Origin": PLAYGROUND})
    assert (answer.status_code, answer.headers[ALLOWED]) == (status, PLAYGROUND)


async def test_the_playground_may_read_what_is_refused_before_any_route(
    client: httpx.AsyncClient,
) -> None:
    headers = {"Origin": PLAYGROUND}
    answer = await client.post("/v1/notes", content=b" " * (MAX_BODY + 1), headers=headers)
    assert (answer.status_code, answer.headers[ALLOWED]) == (413, PLAYGROUND)


@pytest.mark.parametrize("origin", OTHERS)
async def test_no_other_page_may(client: httpx.AsyncClient, origin: str) -> None:
    asked = await preflight(client, origin, "POST")
    assert asked.status_code == 400
    assert ALLOWED not in asked.headers
    assert ALLOWED not in (await client.get("/v1/deck/any", headers={"Origin": origin})).headers


async def test_the_playground_may_not_change_or_delete(client: httpx.AsyncClient) -> None:
    for method in ("PUT", "DELETE"):
        assert (await preflight(client, PLAYGROUND, method)).status_code == 400


async def test_without_a_playground_nobody_is_told_of_origins(kernel: Kernel) -> None:
    async with client_of(kernel) as client:
        assert (await preflight(client, PLAYGROUND, "POST")).status_code == 405
        answer = await client.get("/v1/deck/any", headers={"Origin": PLAYGROUND})
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("url", ["*", "http://127.0.0.1:9002/", "127.0.0.1", "http://a@b"])
def test_a_playground_is_one_origin(settings: Settings, url: str) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({**settings.model_dump(), "playground_url": url})
