"""Wiring of discovery: its router, which brings up and ends what it needs."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator

from fastapi import APIRouter, FastAPI

from discovery_api.api import create_router
from discovery_api.decks import Decks
from discovery_api.events import Impressions
from discovery_api.ranker_client import RankerClient
from discovery_api.ranker_connections import RankerConnections
from gravity.card_tokens import CardTokens
from gravity.http import create_app as create_http_app
from gravity.kernel import Kernel


def router(kernel: Kernel) -> APIRouter:
    """The routes, with a lifespan of their own: the ranker's connections and the impressions."""
    running: list[Decks] = []

    @contextlib.asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        settings = kernel.settings
        impressions = Impressions(kernel.producer)
        connections = RankerConnections(settings.ranker_url)
        running.append(
            Decks(
                kernel.redis,
                RankerClient(connections),
                CardTokens(settings.card_token_key.get_secret_value().encode()),
                impressions,
                kernel.clock,
                settings.rank_budget_ms / 1000,
            )
        )
        appending = asyncio.create_task(impressions.run())
        try:
            yield
        finally:
            running.clear()
            connections.close()
            appending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await appending

    routes = create_router(lambda: running[0], uuid.uuid4).routes
    return APIRouter(lifespan=lifespan, routes=routes)


def create_app(kernel: Kernel) -> FastAPI:
    """Discovery as a deployment of its own."""
    return create_http_app("Gravity discovery", kernel, [router(kernel)])
