"""The ranker service over kept connections, within a time budget."""

import asyncio
from typing import Final

import httpx
from prometheus_client import Counter, Histogram
from pydantic import ValidationError

from contracts.ranking import RankAnswer, RankRequest
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
    """One client a process; `budget_s` covers connecting, waiting and reading."""

    def __init__(self, http: httpx.AsyncClient, budget_s: float) -> None:
        self._http = http
        self._budget_s = budget_s

    async def rank(self, request: RankRequest) -> RankAnswer:
        """Raises `RankerUnavailable`, whatever went wrong."""
        with telemetry.span("rank", "client"):
            headers = {"Content-Type": "application/json", **telemetry.outgoing()}
            body = request.model_dump_json()
            try:
                with SECONDS.time():
                    async with asyncio.timeout(self._budget_s):
                        response = await self._post(body, headers)
            except TimeoutError:
                raise RankerUnavailable("late") from None
            except httpx.HTTPError as error:
                raise RankerUnavailable(type(error).__name__) from error
        return _answer(response, request.release)

    async def _post(self, body: str, headers: dict[str, str]) -> httpx.Response:
        try:
            return await self._http.post("/rank", content=body, headers=headers)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            # The other side may close a kept connection just as it is used again.
            return await self._http.post("/rank", content=body, headers=headers)


def _answer(response: httpx.Response, release: str) -> RankAnswer:
    if response.status_code != 200:
        raise RankerUnavailable(f"status_{response.status_code}")
    try:
        answer = RankAnswer.model_validate_json(response.content)
    except ValidationError as error:
        raise RankerUnavailable("malformed") from error
    if answer.release != release or {len(answer.scores), len(answer.why)} != {len(answer.ids)}:
        raise RankerUnavailable("inconsistent")
    return answer


def open_http(ranker_url: str) -> httpx.AsyncClient:
    """A client with enough kept connections for one process."""
    # The server keeps idle connections for 5 s.
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64, keepalive_expiry=4)
    return httpx.AsyncClient(base_url=ranker_url, limits=limits, timeout=None, trust_env=False)  # noqa: S113
