"""The page and its sessions: whom they are for, and what they let a browser do."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from cli.main import app as command_line
from gravity.auth import TokenExpired, TokenVerifier
from gravity.settings import Settings
from gravity.stack.keys import jwt_private_file
from playground.app import NotDevelopment, create_app
from playground.domain import suggestions

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORIGIN = "http://127.0.0.1:9002"
OWN = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def page(development: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a playground where 500 people live."""
    app = create_app(development, lambda: 500, lambda: NOW)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        yield client


async def session(page: httpx.AsyncClient, headers: dict[str, str], **body: object) -> int:
    return (await page.post("/session", json=body, headers=headers)).status_code


async def test_a_session_speaks_for_the_viewer_for_minutes(
    page: httpx.AsyncClient, development: Settings
) -> None:
    body = {"viewer": 42, "zone": "Europe/Berlin"}
    answer = await page.post("/session", json=body, headers=OWN)
    assert answer.headers["cache-control"] == "no-store"
    verifier = TokenVerifier.of(development)
    caller = verifier.verify(answer.json()["token"], NOW + timedelta(minutes=9))
    assert (caller.person, caller.zone) == (42, "Europe/Berlin")
    with pytest.raises(TokenExpired):
        verifier.verify(answer.json()["token"], NOW + timedelta(minutes=10))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"},
        {"Origin": "null"},
        # The name of another site that leads here.
        {"Origin": "http://elsewhere.example:9002", "Sec-Fetch-Site": "same-origin"},
    ],
)
async def test_no_other_site_gets_a_session(
    page: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await page.post("/session", json={"viewer": 42}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("viewer", [0, -1, 2**53, True, "42", None, 1.5])
async def test_sessions_are_for_people(page: httpx.AsyncClient, viewer: object) -> None:
    assert await session(page, OWN, viewer=viewer) == 422


async def test_a_body_that_is_none_is_refused(page: httpx.AsyncClient) -> None:
    for content, status in ((b"[", 422), (b"[" * 2000, 413), (b"\xff", 422), (b"[]", 422)):
        answer = await page.post("/session", content=content, headers=OWN)
        assert answer.status_code == status


async def test_the_page_runs_no_script_but_its_own_and_calls_nobody_but_the_api(
    page: httpx.AsyncClient,
) -> None:
    answer = await page.get("/", params={"viewer": "42"})
    policy = answer.headers["content-security-policy"].split("; ")
    assert "default-src 'self'" in policy
    assert "connect-src 'self' http://127.0.0.1:9001" in policy
    assert "img-src 'self' data:" in policy
    assert not any("unsafe" in rule for rule in policy)
    assert answer.headers["x-content-type-options"] == "nosniff"
    for inline in ("<style", " style=", " onclick=", "<script>"):
        assert inline not in answer.text


async def test_the_page_suggests_people_who_are_there(page: httpx.AsyncClient) -> None:
    answer = await page.get("/")
    assert answer.status_code == 200
    for viewer in suggestions(500):
        assert f'href="/?viewer={viewer}"' in answer.text
    assert suggestions(1) == [1]
    drawn = await page.get("/", params={"viewer": "random"})
    assert drawn.status_code == 303
    assert 1 <= int(drawn.headers["location"].removeprefix("/?viewer=")) <= 500


@pytest.mark.parametrize("viewer", ["0", "x", "<script>", "9" * 30, "٣"])
async def test_a_viewer_who_cannot_be_is_said(page: httpx.AsyncClient, viewer: str) -> None:
    answer = await page.get("/", params={"viewer": viewer})
    assert answer.status_code == 400
    assert "People have numbers" in answer.text
    assert "<script" not in answer.text


async def test_another_name_of_this_machine_leads_to_the_one_that_the_api_lets_in(
    page: httpx.AsyncClient,
) -> None:
    answer = await page.get("http://localhost:9002/?viewer=7")
    assert (answer.status_code, answer.headers["location"]) == (307, f"{ORIGIN}/?viewer=7")


async def test_photos_are_those_of_the_media_and_nothing_beside_them(
    page: httpx.AsyncClient, development: Settings
) -> None:
    assert (await page.get("/photos/later.png")).status_code == 404
    media = development.home / "media"
    (media / "photos" / "later.png").write_bytes(b"drawn")
    (media / "secret").write_bytes(b"secret")
    assert (await page.get("/photos/later.png")).content == b"drawn"
    for path in ("/photos/../secret", "/photos/%2e%2e/secret", "/photos/..%2fsecret"):
        assert (await page.get(path)).status_code == 404


async def test_photos_of_media_that_are_no_folder_are_not_there(development: Settings) -> None:
    away = development.model_copy(update={"media_url": "s3://bucket/media"})
    transport = httpx.ASGITransport(create_app(away, lambda: 500, lambda: NOW))
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as page:
        assert (await page.get("/photos/avatar-0000.png")).status_code == 404


async def test_the_page_is_light(page: httpx.AsyncClient) -> None:
    scripts = 0
    for name in ("api.js", "drag.js", "news.js", "play.js", "view.js", "words.js"):
        scripts += await transferred(page, f"/static/{name}")
    assert scripts < 20_000
    assert await transferred(page, "/static/playground.css") < 10_000


async def transferred(page: httpx.AsyncClient, path: str) -> int:
    """Bytes of a file as a browser fetches it."""
    async with page.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
        return len(b"".join([piece async for piece in answer.aiter_raw()]))


async def test_what_is_not_there_is_a_problem(page: httpx.AsyncClient) -> None:
    answer = await page.get("/static/none.js")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "content-security-policy" in answer.headers


def refusal(settings: Settings) -> str:
    with pytest.raises(NotDevelopment) as refused:
        create_app(settings, lambda: None, lambda: NOW)
    return str(refused.value)


def test_it_starts_beside_the_development_issuer_only(development: Settings) -> None:
    theirs = development.model_copy(update={"jwt_issuer": "https://issuer.example"})
    assert "https://issuer.example" in refusal(theirs)
    assert "GRAVITY_PLAYGROUND_URL" in refusal(development.model_copy(update={"api_url": ""}))
    jwt_private_file(development.home / "keys").unlink()
    assert "gravity up" in refusal(development)


def test_the_command_says_why_it_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = {
        "HOME": str(tmp_path),
        "POSTGRES_URL": "postgresql://none",
        "REDIS_URL": "redis://none",
        "BUS_URL": "kafka://none:1",
        "CARD_TOKEN_KEY": "k" * 32,
        "JWT_PUBLIC_KEY": "k",
        "JWT_ISSUER": "https://issuer.example",
    }
    for name, value in theirs.items():
        monkeypatch.setenv(f"GRAVITY_{name}", value)
    told = CliRunner().invoke(command_line, ["run", "playground", "--port", "1"])
    assert told.exit_code == 1
    assert "the development issuer only" in told.output
