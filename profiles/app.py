"""Wiring of profiles: routes and consumers."""

from fastapi import APIRouter, FastAPI

from gravity.http import create_app as create_http_app
from gravity.kernel import Kernel
from profiles.api import create_router
from profiles.events import subscriptions

__all__ = ["create_app", "router", "subscriptions"]


def router(kernel: Kernel) -> APIRouter:
    """The routes."""
    return create_router(kernel)


def create_app(kernel: Kernel) -> FastAPI:
    """Profiles as a deployment of its own."""
    return create_http_app("Gravity profiles", kernel, [router(kernel)])
