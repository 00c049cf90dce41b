"""Prefect's REST API over plain HTTP: importing its client costs 3 s, this nothing."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

import httpx
from pydantic import BaseModel, JsonValue

_TIMEOUT: Final = httpx.Timeout(10.0)
_PATIENCE_S: Final = 20.0
_AGAIN_S: Final = 0.5
Json = dict[str, JsonValue]
ENDED: Final = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})


class PrefectUnreachable(Exception):
    """Prefect's server does not answer, or not as expected."""


class State(BaseModel):
    """Where a run stands."""

    type: str
    name: str
    message: str | None = None


class FlowRun(BaseModel):
    """One run of a flow."""

    id: str
    name: str
    state: State


class TaskRun(BaseModel):
    """One run of a task; times are None until it starts and ends."""

    id: str
    name: str
    state: State | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_run_time: float = 0.0

    @property
    def task(self) -> str:
        """The task's name, without the suffix of the run."""
        return self.name.rpartition("-")[0] or self.name


@dataclass(frozen=True, slots=True)
class Prefect:
    """Calls below the API's URL."""

    http: httpx.AsyncClient

    async def deployment(self, flow: str, name: str) -> str | None:
        """The id of a deployment, or None while it is not registered."""
        response = await self._send("GET", f"deployments/name/{flow}/{name}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        return str(_checked(response).json()["id"])

    async def start(self, deployment: str, parameters: Mapping[str, JsonValue]) -> FlowRun:
        """Ask for a run now; however often the request is sent, one run comes of it."""
        body: Json = {"parameters": dict(parameters), "idempotency_key": str(uuid4())}
        response = await self._send("POST", f"deployments/{deployment}/create_flow_run", body)
        return FlowRun.model_validate(_checked(response).json())

    async def flow_run(self, flow_run: str) -> FlowRun:
        """Where a run stands."""
        response = await self._send("GET", f"flow_runs/{flow_run}")
        return FlowRun.model_validate(_checked(response).json())

    async def task_runs(self, flow_run: str) -> list[TaskRun]:
        """The tasks that a run has begun, in order of their start."""
        of_run: Json = {"flow_runs": {"id": {"any_": [flow_run]}}}
        found = _checked(await self._send("POST", "task_runs/filter", of_run)).json()
        runs = [TaskRun.model_validate(row) for row in found]
        begun = [run for run in runs if run.start_time is not None]
        return sorted(begun, key=lambda run: str(run.start_time))

    async def _send(self, method: str, path: str, body: Json | None = None) -> httpx.Response:
        """Send, and again while the server restarts or its SQLite is locked (503)."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + _PATIENCE_S
        while True:
            try:
                response = await self.http.request(method, path, json=body)
            except httpx.TransportError as error:
                if loop.time() > ends:
                    raise PrefectUnreachable(f"{self.http.base_url}: {error!r}") from error
            else:
                if not response.is_server_error or loop.time() > ends:
                    return response
            await asyncio.sleep(_AGAIN_S)


@asynccontextmanager
async def open_prefect(api_url: str) -> AsyncIterator[Prefect]:
    """A client of the API at `api_url` (it ends in /api)."""
    async with httpx.AsyncClient(base_url=f"{api_url}/", timeout=_TIMEOUT) as http:
        yield Prefect(http)


def _checked(response: httpx.Response) -> httpx.Response:
    if response.is_error:
        raise PrefectUnreachable(f"{response.url}: {response.status_code} {response.text[:300]}")
    return response
