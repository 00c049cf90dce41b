"""Wiring of interactions: routes, consumers, and what runs beside the consumers."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Final

from fastapi import APIRouter, FastAPI

from gravity.http import create_app as create_http_app
from gravity.kernel import Kernel
from interactions import api, changes_api, export_api, lists_api
from interactions.events import matching, reading, subscriptions
from interactions.sweeping import sweep

__all__ = ["background", "create_app", "matching", "reading", "routers", "subscriptions"]

log = logging.getLogger(__name__)
_SWEEP_EVERY_S: Final = 30.0


def routers(kernel: Kernel) -> list[APIRouter]:
    """The routes."""
    parts = (api, lists_api, changes_api, export_api)
    return [part.create_router(kernel) for part in parts]


def background(kernel: Kernel, stop: asyncio.Event) -> list[Coroutine[None, None, None]]:
    """The sweep of reservations; it ends at `stop`."""
    return [_sweep_until(kernel, stop)]


def create_app(kernel: Kernel) -> FastAPI:
    """The interactions API as a deployment of its own."""
    return create_http_app("Gravity interactions", kernel, routers(kernel))


async def _sweep_until(kernel: Kernel, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            returned = await sweep(kernel.redis, kernel.pool, kernel.producer, kernel.clock())
        except Exception:
            log.warning("sweep of reservations failed, next one soon", exc_info=True)
        else:
            if returned:
                log.info("reservations returned", extra={"count": returned})
        try:
            async with asyncio.timeout(_SWEEP_EVERY_S):
                await stop.wait()
        except TimeoutError:
            continue
