"""Wiring of profiles: routes, consumers, and the relay of its outbox."""

import asyncio
from collections.abc import Coroutine

from fastapi import APIRouter, FastAPI

from gravity import outbox
from gravity.http import create_app as create_http_app
from gravity.kernel import Kernel
from profiles.api import create_router
from profiles.changes import LANE
from profiles.events import subscriptions

__all__ = ["background", "create_app", "router", "subscriptions"]


def router(kernel: Kernel) -> APIRouter:
    """The routes."""
    return create_router(kernel)


def background(kernel: Kernel, stop: asyncio.Event) -> list[Coroutine[None, None, None]]:
    """The relay of profile.changed; it ends at `stop`."""
    return [outbox.relay(kernel.pool, kernel.producer, LANE, stop)]


def create_app(kernel: Kernel) -> FastAPI:
    """Profiles as a deployment of its own."""
    return create_http_app("Gravity profiles", kernel, [router(kernel)])
