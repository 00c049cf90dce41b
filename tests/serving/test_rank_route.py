"""POST /rank before it comes to a worker: what is refused, and how soon."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import cast

import httpx
import numpy as np
import pytest
from starlette.responses import PlainTextResponse

from contracts.ranking import Ranking, RankRequest
from serving import rank_route
from serving.rank_route import RankRoute
from serving.releases import ReleaseNotLoaded
from serving.worker import Worker
from tests.serving.test_pipeline import request_of
from tests.serving.worlds import world

EMPTY = Ranking(
    1,
    "7",
    "ranker",
    0.3,
    1,
    complete=True,
    ids=np.empty(0, np.int64),
    scores=np.empty(0),
    why_codes=np.empty((0, 2), np.uint8),
    why_values=np.empty((0, 2), np.float32),
    feature_names=("a",),
    features=np.empty((0, 1), np.float32),
)


class Held:
    """Stands for a worker that ranks when it is told to."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.asked = 0
        self.error: Exception | None = None
        self.traceparent = b""

    async def rank(self, _: RankRequest, headers: Mapping[str, bytes]) -> bytes:
        self.asked += 1
        self.traceparent = headers.get("traceparent", b"")
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return EMPTY.encoded()


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
async def http(held: Held) -> AsyncIterator[httpx.AsyncClient]:
    app = RankRoute(PlainTextResponse("BentoML's"), cast("Callable[[], Worker]", lambda: held))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://ranker"
    ) as http:
        yield http


BODY = request_of(world(np.random.default_rng(1), 5), 3).model_dump(mode="json")


def problem(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


async def test_it_ranks_with_the_trace_of_who_asked(http: httpx.AsyncClient, held: Held) -> None:
    held.go.set()
    answer = await http.post("/rank", json=BODY, headers={"traceparent": "00-1-2-01"})
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert Ranking.decoded(answer.content).encoded() == EMPTY.encoded()
    assert held.traceparent == b"00-1-2-01"


async def test_everything_else_is_bentomls(http: httpx.AsyncClient, held: Held) -> None:
    for method, path in (("GET", "/rank"), ("POST", "/retrieve_all"), ("GET", "/readyz")):
        assert (await http.request(method, path)).text == "BentoML's"
    assert held.asked == 0


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"viewer": 1}', b"\xff", b'{"viewer": ' + b"[" * 500]
)
async def test_what_is_no_request_is_refused(
    http: httpx.AsyncClient, held: Held, body: bytes
) -> None:
    assert problem(await http.post("/rank", content=body)) == (422, "invalid_request")
    assert held.asked == 0


async def test_one_too_many_is_refused_at_once_and_the_others_are_answered(
    http: httpx.AsyncClient, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rank_route, "_MOST_AT_ONCE", 3)
    waiting = [asyncio.create_task(http.post("/rank", json=BODY)) for _ in range(3)]
    while held.asked < 3:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert problem(await http.post("/rank", json=BODY)) == (503, "busy")
    held.go.set()
    assert [(await each).status_code for each in waiting] == [200] * 3
    assert (await http.post("/rank", json=BODY)).status_code == 200


async def test_what_nobody_waits_for_any_more_is_given_up(
    http: httpx.AsyncClient, held: Held
) -> None:
    assert problem(await http.post("/rank", json=BODY | {"budget_ms": 20})) == (503, "late")
    held.go.set()
    assert (await http.post("/rank", json=BODY)).status_code == 200


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ReleaseNotLoaded("8"), (404, "release_not_loaded")),
        (RuntimeError("secret inside"), (500, "internal_error")),
    ],
)
async def test_errors_are_problems_that_tell_nothing_more(
    http: httpx.AsyncClient, held: Held, error: Exception, expected: tuple[int, str]
) -> None:
    held.error = error
    held.go.set()
    response = await http.post("/rank", json=BODY)
    assert problem(response) == expected
    assert "secret" not in response.text
