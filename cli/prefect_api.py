"""Prefect's REST API over plain HTTP: importing its client costs 3 s, this nothing."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import httpx
from pydantic import BaseModel, JsonValue

_TIMEOUT: Final = httpx.Timeout(10.0)
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
        try:
            response = await self.http.get(f"deployments/name/{flow}/{name}")
        except httpx.TransportError as error:
            raise PrefectUnreachable(repr(error)) from error
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        return str(_checked(response).json()["id"])

    async def start(self, deployment: str, parameters: Mapping[str, JsonValue]) -> FlowRun:
        """Ask for a run now."""
        body: dict[str, JsonValue] = {"parameters": dict(parameters)}
        found = await self._post(f"deployments/{deployment}/create_flow_run", body)
        return FlowRun.model_validate(found)

    async def flow_run(self, flow_run: str) -> FlowRun:
        """Where a run stands."""
        try:
            response = await self.http.get(f"flow_runs/{flow_run}")
        except httpx.TransportError as error:
            raise PrefectUnreachable(repr(error)) from error
        return FlowRun.model_validate(_checked(response).json())

    async def task_runs(self, flow_run: str) -> list[TaskRun]:
        """The tasks that a run has begun, in order of their start."""
        of_run: dict[str, JsonValue] = {"flow_runs": {"id": {"any_": [flow_run]}}}
        found = await self._post("task_runs/filter", of_run)
        assert isinstance(found, list)
        runs = [TaskRun.model_validate(row) for row in found]
        return sorted((run for run in runs if run.start_time), key=lambda run: str(run.start_time))

    async def _post(self, path: str, body: Mapping[str, JsonValue]) -> object:
        try:
            return _checked(await self.http.post(path, json=body)).json()
        except httpx.TransportError as error:
            raise PrefectUnreachable(repr(error)) from error


@asynccontextmanager
async def open_prefect(api_url: str) -> AsyncIterator[Prefect]:
    """A client of the API at `api_url` (it ends in /api)."""
    async with httpx.AsyncClient(base_url=f"{api_url}/", timeout=_TIMEOUT) as http:
        yield Prefect(http)


def _checked(response: httpx.Response) -> httpx.Response:
    if response.is_error:
        raise PrefectUnreachable(f"{response.url}: {response.status_code} {response.text[:300]}")
    return response
