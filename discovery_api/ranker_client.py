"""The ranker service over kept connections, within a time budget."""

import asyncio
import base64
import time
from dataclasses import dataclass
from typing import Final

import httpx
import numpy as np
import numpy.typing as npt
from prometheus_client import Counter, Histogram

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


@dataclass(frozen=True, slots=True)
class Ranking:
    """An answer that fits together; `features` (m, f) float32 of its m people and f names."""

    answer: RankAnswer
    features: npt.NDArray[np.float32]


class RankerClient:
    """One client a process; `budget_s` covers connecting, waiting and reading."""

    def __init__(self, http: httpx.AsyncClient, budget_s: float) -> None:
        self._http = http
        self._budget_s = budget_s

    async def rank(self, request: RankRequest) -> Ranking:
        """Raises `RankerUnavailable`, whatever went wrong."""
        with telemetry.span("rank", "client"):
            headers = {"Content-Type": "application/json", **telemetry.outgoing()}
            body = request.model_dump_json()
            began = time.perf_counter()
            try:
                async with asyncio.timeout(self._budget_s):
                    response = await self._post(body, headers)
            except TimeoutError:
                raise RankerUnavailable("late") from None
            except httpx.HTTPError as error:
                raise RankerUnavailable(type(error).__name__) from error
            took_s = time.perf_counter() - began
        ranking = _ranking(response, request.release)
        SECONDS.observe(took_s)
        return ranking

    async def _post(self, body: str, headers: dict[str, str]) -> httpx.Response:
        try:
            return await self._http.post("/rank", content=body, headers=headers)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            # The other side may close a kept connection just as it is used again.
            return await self._http.post("/rank", content=body, headers=headers)


def _ranking(response: httpx.Response, release: str) -> Ranking:
    if response.status_code != 200:
        raise RankerUnavailable(f"status_{response.status_code}")
    try:
        answer = RankAnswer.model_validate_json(response.content)
        features = _features(answer)
    except ValueError as error:
        raise RankerUnavailable("malformed") from error
    if not _fits(answer, release):
        raise RankerUnavailable("inconsistent")
    return Ranking(answer, features)


def _features(answer: RankAnswer) -> npt.NDArray[np.float32]:
    """Raises ValueError (of which base64's and pydantic's errors are kinds) where they do not fit.

    Without names the number of rows could not be checked.
    """
    if not answer.feature_names:
        raise ValueError("a ranking without features")
    block = np.frombuffer(base64.b64decode(answer.features, validate=True), "<f4")
    return block.reshape(len(answer.ids), len(answer.feature_names))


def _fits(answer: RankAnswer, release: str) -> bool:
    """Whether a deck can be made of it: the release asked for, everyone once, numbers in range."""
    return (
        answer.release == release
        and {len(answer.scores), len(answer.why)} == {len(answer.ids)}
        and len(set(answer.ids)) == len(answer.ids)
        and all(0 < each < 2**63 for each in answer.ids)
        and answer.tau > 0
        and 0 <= answer.seed < 2**64
    )


def open_http(ranker_url: str) -> httpx.AsyncClient:
    """A client with enough kept connections for one process."""
    # The server keeps idle connections for 5 s.
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64, keepalive_expiry=4)
    return httpx.AsyncClient(base_url=ranker_url, limits=limits, timeout=None, trust_env=False)  # noqa: S113
