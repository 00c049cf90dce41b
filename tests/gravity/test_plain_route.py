"""A plain route answers just as the framework would: the same endpoint, taken both ways."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Annotated, Literal
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import Message, Scope

from cli.run import api_routers
from gravity.auth import Asking
from gravity.http import create_app
from gravity.issuer import issue, new_keys
from gravity.kernel import Kernel, open_kernel
from gravity.plain_route import PlainRoute, plain_routes
from gravity.problems import Problem
from gravity.settings import Settings

KEYS = new_keys()
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MAX_BODY = 2000
JSON = {"content-type": "application/json"}


class NoteIn(BaseModel):
    size: int = Field(ge=1)
    kind: Literal["a", "b"] = "a"


class NoteOut(BaseModel):
    person: int
    size: int
    text: str | None = None


async def note(who: Asking, body: NoteIn) -> NoteOut:
    if body.size == 410:
        raise Problem(410, "gone", "It is gone", "Ask again.", {"size": 410})
    if body.size == 500:
        raise RuntimeError("secret inside")
    return NoteOut(person=who.person, size=body.size, text="é")


class PageIn(BaseModel):
    size: int = Field(20, ge=1)
    after: UUID | None = None
    km: float | None = Field(None, gt=0, allow_inf_nan=False)
    text: str = ""


async def page(who: Asking, query: Annotated[PageIn, Query()]) -> NoteOut:
    return NoteOut(person=who.person, size=query.size, text=f"{query.km} {query.text}")


async def silent(who: Asking, body: NoteIn) -> None:
    assert (who.person, body.kind) == (42, "a")


def routes() -> APIRouter:
    made = APIRouter()
    for name, endpoint, status in (("note", note, 200), ("silent", silent, 204)):
        for way, route_class in (("framework", None), ("plain", PlainRoute)):
            made.add_api_route(
                f"/{way}/{name}",
                endpoint,
                methods=["POST"],
                status_code=status,
                route_class_override=route_class,
            )
    for way, route_class in (("framework", None), ("plain", PlainRoute)):
        made.add_api_route(f"/{way}/page", page, route_class_override=route_class)
    return made


@pytest.fixture
async def kernel(settings: Settings) -> AsyncIterator[Kernel]:
    async with open_kernel(settings.model_copy(update={"jwt_public_key": KEYS.public})) as kernel:
        yield replace(kernel, clock=lambda: NOW)


@pytest.fixture
async def client(kernel: Kernel) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app("Tests", kernel, [routes()], max_body=MAX_BODY)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://tests") as client:
        yield client


async def in_pieces() -> AsyncIterator[bytes]:
    for piece in (b'{"si', b"ze", b'": 3}'):
        yield piece


async def too_much() -> AsyncIterator[bytes]:
    for _ in range(3):
        yield bytes(MAX_BODY)


GOOD = {"authorization": f"Bearer {issue(KEYS.private, 42, NOW, HOUR)}"}
EXPIRED = {"authorization": f"Bearer {issue(KEYS.private, 42, NOW - 2 * HOUR, HOUR)}"}
OTHERS = {"authorization": f"Bearer {issue(new_keys().private, 42, NOW, HOUR)}"}
LOWER = {"authorization": GOOD["authorization"].replace("Bearer", "bearer")}
BASIC = {"authorization": "Basic eDp5"}

BOTH = [("authorization", GOOD["authorization"]), ("content-type", "application/json")]
TWO_TOKENS = [("authorization", OTHERS["authorization"]), *BOTH]
OTHER = issue(KEYS.private, 43, NOW, HOUR)
TWO_PEOPLE = [*BOTH, ("authorization", f"Bearer {OTHER}")]
TWO_TYPES = [*BOTH, ("content-type", "text/plain")]
TYPES_TURNED = [BOTH[0], ("content-type", "text/plain"), BOTH[1]]

REQUESTS: list[tuple[str, dict[str, str] | list[tuple[str, str]], object]] = [
    ("POST", GOOD | JSON, b'{"size": 3}'),
    ("POST", LOWER | JSON, b'{"size": 3, "kind": "b", "more": 1}'),
    ("POST", GOOD | {"content-type": "application/json; charset=utf-8"}, b'{"size": 3}'),
    ("POST", GOOD | {"content-type": "Application/JSON"}, b'{"size": 3}'),
    ("POST", GOOD | JSON, in_pieces),
    ("POST", GOOD | JSON, b'{"size": 410}'),
    ("POST", GOOD | JSON, b'{"size": 500}'),
    ("POST", GOOD | JSON, b'{"size": 0, "kind": "c"}'),
    ("POST", GOOD | JSON, b'{"size": "3"}'),
    ("POST", GOOD | JSON, b'{"size": 3.5}'),
    ("POST", GOOD | JSON, b"{"),
    ("POST", GOOD | JSON, b""),
    ("POST", GOOD | JSON, b"[1]"),
    ("POST", GOOD | JSON, b"null"),
    ("POST", GOOD | JSON, b'{"size": "\xff"}'),
    ("POST", GOOD | JSON, b'{"size": ' + b"[" * 900),
    ("POST", GOOD | {"content-type": "text/plain"}, b'{"size": 3}'),
    ("POST", GOOD, b'{"size": 3}'),
    ("POST", GOOD | JSON, b'{"size": 3}' + b" " * MAX_BODY),
    ("POST", GOOD | JSON, too_much),
    ("POST", JSON, b'{"size": 3}'),
    ("POST", EXPIRED | JSON, b'{"size": 3}'),
    ("POST", OTHERS | JSON, b'{"size": 3}'),
    ("POST", BASIC | JSON, b'{"size": 3}'),
    ("POST", {"authorization": "Bearer"} | JSON, b'{"size": 3}'),
    ("POST", OTHERS | JSON, b"{"),
    ("POST", TWO_TOKENS, b'{"size": 3}'),
    ("POST", TWO_PEOPLE, b'{"size": 3}'),
    ("POST", TWO_TYPES, b'{"size": 3}'),
    ("POST", TYPES_TURNED, b'{"size": 3}'),
    ("GET", GOOD, b""),
    ("HEAD", GOOD, b""),
]


async def test_it_answers_as_the_framework_does(client: httpx.AsyncClient) -> None:
    for name, (method, headers, body) in product(("note", "silent"), REQUESTS):
        plain, framework = [
            await client.request(
                method,
                f"/{way}/{name}",
                headers=headers,
                content=body() if callable(body) else body,  # type: ignore[arg-type]
            )
            for way in ("plain", "framework")
        ]
        the_same(plain, framework)


def the_same(plain: httpx.Response, framework: httpx.Response) -> None:
    said = plain.request.method, plain.request.url, plain.request.headers
    assert plain.status_code == framework.status_code, said
    assert without_id(plain) == without_id(framework), said
    assert heads(plain) == heads(framework), said


QUERIES = [
    "",
    "size=3",
    "size=3&size=4",
    "size=3&size=x",
    "size=x&size=3",
    "size=",
    "size",
    "size=0",
    "size=3.0",
    "size=+3",
    "size=%33",
    "size=3;km=4",
    "km=1e3",
    "km=nan",
    "km=",
    "text=a+b%20c%C3%A9",
    "text=%ff",
    "text=",
    "more=1&size=5",
    "after=0198c0de-0000-7000-8000-000000000000",
    "after=0198c0de",
]


async def test_it_takes_a_query_as_the_framework_does(client: httpx.AsyncClient) -> None:
    for query, headers in product(QUERIES, (GOOD, EXPIRED)):
        plain, framework = [
            await client.get(f"/{way}/page?{query}", headers=headers)
            for way in ("plain", "framework")
        ]
        the_same(plain, framework)


async def test_it_is_not_the_framework_that_answers_what_is_right(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> None:
        raise AssertionError("the framework was asked")

    monkeypatch.setattr("fastapi.routing.solve_dependencies", never)
    answer = await client.post("/plain/note", headers=GOOD | JSON, content=b'{"size": 3}')
    assert answer.json() == {"person": 42, "size": 3, "text": "é"}
    answer = await client.get("/plain/page?size=7&km=2", headers=GOOD)
    assert answer.json() == {"person": 42, "size": 7, "text": "2.0 "}


@pytest.mark.parametrize("way", ["plain", "framework"])
async def test_a_body_that_breaks_off_is_a_bad_request(kernel: Kernel, way: str) -> None:
    said: list[Message] = []
    coming: list[Message] = [
        {"type": "http.request", "body": b'{"si', "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return coming.pop(0)

    async def send(message: Message) -> None:
        said.append(message)

    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": f"/{way}/note",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in (GOOD | JSON).items()],
    }
    await create_app("Tests", kernel, [routes()])(scope, receive, send)
    assert [message.get("status") for message in said] == [400, None]


async def test_swipes_and_decks_are_taken_plainly(kernel: Kernel) -> None:
    every = [route for router in api_routers(kernel) for route in router.routes]
    assert {("POST", "/v1/swipes"), ("GET", "/v1/deck")} <= plain_routes(every).keys()


def test_what_it_would_pass_over_is_refused() -> None:
    async def more(who: Asking, body: NoteIn, page: int = 1) -> NoteOut:
        return NoteOut(person=who.person, size=page)

    async def perhaps(who: Asking, body: NoteIn) -> NoteOut | None:
        return None

    for path, endpoint, given in (
        ("/a", note, {"dependencies": [Depends(never)]}),
        ("/a/{page}", note, {}),
        ("/a", note, {"status_code": 201}),
        ("/a", more, {}),
        ("/a", note, {"response_model": NoteIn}),
        ("/a", note, {"response_model": None}),
        ("/a", note, {"response_model_include": {"size"}}),
        ("/a", note, {"response_model_exclude": {"size"}}),
        ("/a", note, {"response_model_by_alias": False}),
        ("/a", note, {"response_model_exclude_unset": True}),
        ("/a", note, {"response_model_exclude_defaults": True}),
        ("/a", note, {"response_model_exclude_none": True}),
        ("/a", note, {"response_class": PlainTextResponse}),
        ("/a", note, {"status_code": 204}),
        ("/a", silent, {}),
        ("/a", perhaps, {}),
    ):
        with pytest.raises((TypeError, AssertionError)):
            PlainRoute(path, endpoint, methods=["POST"], **given)
    PlainRoute("/a", note, methods=["POST"], response_class=JSONResponse, response_model=NoteOut)


def never() -> None:
    raise AssertionError


def without_id(answer: httpx.Response) -> object:
    """The body, but for what names the request."""
    if not answer.content:
        return None
    document = answer.json()
    return {name: value for name, value in document.items() if name != "instance"}


def heads(answer: httpx.Response) -> dict[str, str]:
    # The framework names a content type of no content, too.
    left_out = ("x-request-id", "content-type") if answer.status_code == 204 else ("x-request-id",)
    return {name: value for name, value in answer.headers.items() if name not in left_out}
