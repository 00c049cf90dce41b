"""Discovery as it runs, with the ranker's own code behind it, over real stores and bus."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx
import numpy as np
import pytest
import uvicorn
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.ranking import RankRequest
from contracts.topics import ALL
from discovery_api.app import create_app
from features.signature import Signature
from features.views import factors
from gravity.bus import create_topics
from gravity.issuer import KeyPair, issue, new_keys
from gravity.kernel import Kernel, open_kernel
from gravity.settings import Settings
from serving import pipeline
from serving.index import ExactIndex
from serving.overlay import Overlay
from serving.pipeline import Loaded
from serving.store import Online
from serving.why import typical
from tests.discovery_api.people import sociable, write_people
from tests.serving.ranker_process import free_port
from tests.serving.worlds import NOW, World, write_world

Answer = Callable[[RankRequest], "asyncio.Future[Response] | None"]


@dataclass
class RankerDouble:
    """The ranker's pipeline behind a bare HTTP server, which can be told to misbehave."""

    redis: Redis
    loaded: dict[str, Loaded] = field(default_factory=dict)
    delay_s: float = 0.0
    body: bytes | None = None
    asked: int = 0
    traceparent: str | None = None

    async def rank(self, request: Request) -> Response:
        """POST /rank."""
        self.asked += 1
        self.traceparent = request.headers.get("traceparent")
        await asyncio.sleep(self.delay_s)
        if self.body is not None:
            return Response(self.body)
        asked = RankRequest.model_validate_json(await request.body())
        if asked.release not in self.loaded:
            return Response(status_code=404)
        online = Online(self.redis, self.redis)
        answer = await pipeline.rank(online, self.loaded[asked.release], asked)
        return Response(answer.encoded(), media_type="application/x-protobuf")


@dataclass
class Discovery:
    """A client of the API, and what stands behind it."""

    http: httpx.AsyncClient
    kernel: Kernel
    ranker: RankerDouble
    keys: KeyPair
    people: World

    async def get(self, viewer: int, **params: str | float) -> httpx.Response:
        """GET /v1/deck as a viewer."""
        return await self.http.get("/v1/deck", params=params, headers=self.headers(viewer))

    def headers(self, viewer: int) -> dict[str, str]:
        """Those that say who asks."""
        token = issue(self.keys.private, viewer, NOW, timedelta(hours=1))
        return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def keys() -> KeyPair:
    return new_keys()


@pytest.fixture
def people() -> World:
    return sociable()


@asynccontextmanager
async def serving_http(app: Starlette, port: int | None = None) -> AsyncIterator[str]:
    """An app on a real port, a free one unless told, its lifespan included."""
    port = port or free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, "127.0.0.1", port, log_level="warning", log_config=None)
    )
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def discovery(
    settings: Settings, redis: Redis, keys: KeyPair, people: World
) -> AsyncIterator[Discovery]:
    """Discovery over a world whose release 7 is served."""
    await create_topics(settings.bus_url, ALL)
    await write_people(redis, people)
    await redis.set("release:serving", "7")
    double = RankerDouble(redis, {"7": load(settings, people)})
    ranker = Starlette(routes=[Route("/rank", double.rank, methods=["POST"])])
    async with serving_http(ranker) as ranker_url:
        known = settings.model_copy(
            update={
                "ranker_url": ranker_url,
                "jwt_public_key": keys.public,
                # A loaded test machine is no reason for a fallback; the tests of lateness say so.
                "rank_budget_ms": 5_000,
            }
        )
        async with open_discovery(known, double, keys, people) as opened:
            yield opened


@asynccontextmanager
async def open_discovery(
    settings: Settings, double: RankerDouble, keys: KeyPair, people: World
) -> AsyncIterator[Discovery]:
    """The API with these settings, at a fixed time."""
    async with open_kernel(settings) as opened:
        kernel = Kernel(opened.settings, opened.pool, opened.redis, opened.producer, clock)
        async with (
            serving_http(create_app(kernel)) as url,
            httpx.AsyncClient(base_url=url, timeout=30) as http,
        ):
            yield Discovery(http, kernel, double, keys, people)


def clock() -> datetime:
    """Time stands still."""
    return NOW


def load(settings: Settings, people: World) -> Loaded:
    """Release 7 of a world."""
    rng = np.random.default_rng(2)
    release = write_world(settings.home / "releases" / "7", people, rng, seen=0.02)
    index = ExactIndex(release, Overlay(release))
    signature = Signature.of_views([factors("7")], {"taste": release.manifest.d})
    return Loaded("7", release, signature, index, typical(release), 11)
