"""The playground over a small Gravity: the real API and its consumers on real stores."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect
from pydantic import SecretStr

from cli.run import api_routers
from contracts import events_pb2 as events
from contracts import topics
from gravity import outbox
from gravity.bus import create_topics
from gravity.consumer import consume
from gravity.http import create_app as create_http_app
from gravity.issuer import issue
from gravity.kernel import Kernel, open_kernel, utc_now
from gravity.postgres import migrate
from gravity.settings import Settings
from gravity.stack import keys
from gravity.stack.home import Home
from interactions.app import subscriptions
from interactions.matcher import LANE
from playground.app import create_app
from profiles.changes import change
from profiles.domain import Change, Location, Photo, Preferences, Profile
from simulator import avatars
from tests.discovery_api.conftest import serving_http
from tests.playground.browser import chromium, open_browser
from tests.serving.ranker_process import free_port

VIEWER = 1
MEN = range(2, 14)
_TRIES = 10
UNTRUSTED = "<img src=x onerror=alert(1)>"
_TABLES = ("gravity", "interactions", "profiles", "safety", "billing", "identity")


@dataclass(frozen=True)
class Opened:
    """A playground, and a client of its API that speaks for anybody."""

    url: str
    private_key: str
    api: httpx.AsyncClient

    async def call(self, person: int, method: str, path: str, body: object = None) -> Any:
        """The answer to a request on behalf of a person, once the platform is not busy."""
        token = issue(self.private_key, person, utc_now(), timedelta(hours=1))
        headers = {"Authorization": f"Bearer {token}"}
        for _ in range(_TRIES):
            answer = await self.api.request(method, path, json=body, headers=headers)
            if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                break
            # A deck that is not ready in time is refused: whoever is told so asks again.
            await asyncio.sleep(int(answer.headers["Retry-After"]))
        assert answer.is_success, answer.text
        return answer.json()

    async def deck(self, person: int) -> list[dict[str, Any]]:
        """The cards of a deck."""
        deck = await self.call(person, "GET", "/v1/deck?size=20")
        return list(deck["cards"])

    async def ids(self) -> list[int]:
        """Who is in a deck of the viewer's now."""
        return [int(card["id"]) for card in await self.deck(VIEWER)]

    async def matches(self) -> list[int]:
        """Whom the viewer has matched."""
        found = await self.call(VIEWER, "GET", "/v1/matches")
        return [int(item["person"]) for item in found["items"]]

    async def like_viewer(self, person: int) -> None:
        """The person likes the viewer, whose card they were shown."""
        (card,) = (card for card in await self.deck(person) if card["id"] == VIEWER)
        swipe = {
            "client_swipe_id": f"{person}-{VIEWER}",
            "candidate": VIEWER,
            "action": "like",
            "token": card["token"],
        }
        answer = await self.call(person, "POST", "/v1/swipes", swipe)
        assert answer["results"][0]["status"] == "accepted"


@pytest.fixture
def development(tmp_path: Path) -> Settings:
    """The settings of a development Gravity that nobody started."""
    home = Home.at(tmp_path)
    return Settings(
        home=home.path,
        postgres_url="",
        redis_url="",
        bus_url="",
        card_token_key=SecretStr("k" * 32),
        jwt_public_key=keys.load_or_create(home.keys).jwt_public_key,
        api_url="http://127.0.0.1:9001",
        playground_url="http://127.0.0.1:9002",
    )


@pytest.fixture
async def opened(settings: Settings) -> AsyncIterator[Opened]:
    """A viewer and twelve who may match her, served by the fallback."""
    await create_topics(settings.bus_url, topics.ALL)
    home = Home.at(settings.home)
    known = settings.model_copy(
        update={
            "jwt_public_key": keys.load_or_create(home.keys).jwt_public_key,
            "playground_url": f"http://127.0.0.1:{free_port()}",
            "daily_superlikes": (1, 1, 1),
        }
    )
    async with open_kernel(known) as kernel:
        for package in _TABLES:
            await migrate(kernel.pool, package)
        api = create_http_app("API", kernel, api_routers(kernel))
        async with serving_http(api) as api_url, _consuming(kernel):
            page = create_app(
                known.model_copy(update={"api_url": api_url}), lambda: len(MEN) + 1, utc_now
            )
            private_key = keys.jwt_private_file(home.keys).read_text(encoding="ascii")
            port = int(known.playground_url.rpartition(":")[2])
            async with (
                serving_http(page, port) as url,
                httpx.AsyncClient(base_url=api_url, timeout=30) as http,
            ):
                avatar = home.path / "media" / "photos" / "here.png"
                avatar.write_bytes(avatars.png(0))
                await _populate(kernel)
                yield Opened(url, private_key, http)


@asynccontextmanager
async def _consuming(kernel: Kernel) -> AsyncIterator[None]:
    """What makes matches of swipes."""
    stop = asyncio.Event()
    bus = kernel.settings.bus_url
    async with asyncio.TaskGroup() as group:
        for each in subscriptions(kernel):
            group.create_task(consume(each, kernel.pool, bus, stop))
        group.create_task(outbox.relay(kernel.pool, kernel.producer, LANE, stop))
        try:
            yield
        finally:
            kernel.stopping.set()
            stop.set()


async def _populate(kernel: Kernel) -> None:
    async def add(number: int, name: str, gender: int, seeks: int) -> None:
        wanted = Change(
            Profile(name, 9_000 + 300 * (number % 12), gender, {}, _photos(number)),
            Preferences((seeks,)),
            Location(37.77 + number / 1000, -122.42),
        )
        # Not by PUT /v1/me: people of an import have photos among the media, others may not.
        await change(kernel.pool, kernel.redis, number, wanted, kernel.clock())

    await add(VIEWER, "Robin", events.GENDER_WOMAN, events.GENDER_MAN)
    for number in MEN:
        name = UNTRUSTED if number == MEN[-1] else f"Man {number}"
        await add(number, name, events.GENDER_MAN, events.GENDER_WOMAN)


def _photos(number: int) -> tuple[Photo, ...]:
    """Of three people, one has none, one has one among the media, one elsewhere."""
    url = ("", "/photos/here.png", f"https://photos.example/{number}.jpg")[number % 3]
    return (Photo(url, "L6Pj0^jE.AyE_3t7t7R**0o#DgR4", 600, 800),) if url else ()


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    executable = chromium()
    if executable is None:
        pytest.skip("there is no Chromium on this machine")
    # A loaded machine is no reason to fail.
    expect.set_options(timeout=15_000)
    async with open_browser(executable) as browser:
        yield browser


@dataclass
class Visit:
    """A page of the playground, and what its console complained of."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._said)

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


@asynccontextmanager
async def visiting(context: BrowserContext) -> AsyncIterator[Visit]:
    """A page whose console must stay silent."""
    visit = Visit(await context.new_page())
    yield visit
    assert visit.complaints == []
    await visit.page.close()
