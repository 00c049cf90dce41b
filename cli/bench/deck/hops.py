"""The two hops of a deck with nothing behind them: what HTTP alone costs.

A plain route of the API asks an empty endpoint of the ranker, over connections such as a deck goes
over; both stand behind the same layers as the real ones, the token's check included.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel

from cli.bench.deck import empty
from discovery_api.ranker_connections import RankerConnections
from gravity.auth import Asking
from gravity.kernel import Kernel
from gravity.plain_route import PlainRoute
from gravity.problems import Problem

PATH: Final = "/bench/hops"


class Nothing(BaseModel):
    """What is asked for."""


def router(kernel: Kernel) -> APIRouter:
    """The API's side: GET /bench/hops is 204 where the ranker's answer was."""
    connections = RankerConnections(kernel.settings.ranker_url)

    @contextlib.asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        try:
            yield
        finally:
            connections.close()

    async def hops(who: Asking, query: Annotated[Nothing, Query()]) -> None:
        status, _ = await connections.post(empty.PATH, b"", {})
        if status != 204:
            raise Problem(502, "no_hop", f"The ranker answered {status}")

    routes = APIRouter(lifespan=lifespan)
    routes.add_api_route(PATH, hops, status_code=204, route_class_override=PlainRoute)
    return routes
