"""The ranker service, asked within a time budget."""

import asyncio
import time
from typing import Final

from prometheus_client import Counter, Histogram

from contracts.ranking import Ranking, RankRequest
from discovery_api.ranker_connections import ConnectionLost, RankerConnections
from gravity import telemetry

FAILURES: Final = Counter("ranker_failures", "Rankings that did not come.", ["reason"])
SECONDS: Final = Histogram(
    "ranker_seconds",
    "Rankings that came.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5),
)


class RankerUnavailable(Exception):
    """No ranking within the budget: the deck comes from the fallback."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        FAILURES.labels(reason).inc()


class RankerClient:
    """One client a process; a request's budget covers connecting, waiting and reading."""

    def __init__(self, connections: RankerConnections) -> None:
        self._connections = connections

    async def rank(self, request: RankRequest) -> Ranking:
        """Raises `RankerUnavailable`, whatever went wrong."""
        with telemetry.span("rank", "client"):
            body = request.model_dump_json().encode()
            began = time.perf_counter()
            try:
                async with asyncio.timeout(request.budget_ms / 1000):
                    status, answer = await self._connections.post(
                        "/rank", body, telemetry.outgoing()
                    )
            except TimeoutError:
                raise RankerUnavailable("late") from None
            except (ConnectionLost, OSError) as error:
                raise RankerUnavailable(type(error).__name__) from error
            took_s = time.perf_counter() - began
        ranking = _ranking(status, answer, request)
        SECONDS.observe(took_s)
        return ranking


def _ranking(status: int, answer: bytes, request: RankRequest) -> Ranking:
    if status != 200:
        raise RankerUnavailable(f"status_{status}")
    try:
        ranking = Ranking.decoded(answer)
    except ValueError as error:
        raise RankerUnavailable("malformed") from error
    if (ranking.viewer, ranking.release) != (request.viewer, request.release):
        raise RankerUnavailable("inconsistent")
    return ranking
