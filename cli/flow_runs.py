"""A run of a flow, asked of Prefect and followed to its end on the console."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import JsonValue

from cli.prefect_api import ENDED, Prefect, TaskRun, open_prefect

if TYPE_CHECKING:
    from rich.console import Console

    from gravity.settings import Settings

_POLL_S: Final = 0.4
_RUNNER_S: Final = 90.0


class FlowFailed(Exception):
    """The run did not end well; the message is that of the task that failed."""


@dataclass(frozen=True, slots=True)
class FlowDone:
    """A run that ended well: its id and name, how long each task took, and where to look."""

    id: str
    name: str
    seconds: Mapping[str, float]
    url: str


async def run_flow(
    settings: "Settings", flow: str, parameters: Mapping[str, JsonValue], console: "Console"
) -> FlowDone:
    """Run a flow to its end, showing each task as it ends.

    Raises FlowFailed, PrefectUnreachable.
    """
    async with open_prefect(settings.prefect_api_url) as prefect:
        run = await prefect.start(await _deployment(prefect, flow), parameters)
        seconds = await _watched(prefect, run.id, console)
    ui = settings.prefect_api_url.removesuffix("/api")
    return FlowDone(run.id, run.name, seconds, f"{ui}/runs/flow-run/{run.id}")


async def _deployment(prefect: Prefect, flow: str) -> str:
    """The id of the deployment; the runner registers it some seconds after its start."""
    ends = time.monotonic() + _RUNNER_S
    while (found := await prefect.deployment(flow, flow)) is None:
        if time.monotonic() > ends:
            raise FlowFailed("the flows are not deployed: does the program `flows` run?")
        await asyncio.sleep(_POLL_S)
    return found


async def _watched(prefect: Prefect, flow_run: str, console: "Console") -> dict[str, float]:
    """Follow a run to its end; returns seconds by task. Raises FlowFailed."""
    shown: dict[str, float] = {}
    started = time.monotonic()
    with console.status("waiting for the runner") as status:
        while True:
            run = await prefect.flow_run(flow_run)
            tasks = await prefect.task_runs(flow_run)
            _show(console, tasks, shown)
            if run.state.type in ENDED:
                break
            if run.state.type == "SCHEDULED" and time.monotonic() - started > _RUNNER_S:
                raise FlowFailed(
                    "nobody began the run: either another one is under way, after which this one "
                    "begins, or the program `flows` does not run"
                )
            running = [task.task for task in tasks if task.task not in shown]
            status.update(running[-1] if running else "starting")
            await asyncio.sleep(_POLL_S)
    if run.state.type != "COMPLETED":
        raise FlowFailed(_reason(tasks) or run.state.message or run.state.name)
    return shown


def _show(console: "Console", tasks: list[TaskRun], shown: dict[str, float]) -> None:
    for task in tasks:
        if task.state is None or task.state.type not in ENDED or task.task in shown:
            continue
        shown[task.task] = round(task.total_run_time, 2)
        mark = "[green]✓[/]" if task.state.type == "COMPLETED" else "[red]✗[/]"
        console.print(f"    {mark} {task.task:<32} [dim]{task.total_run_time:6.1f} s[/]")


def _reason(tasks: list[TaskRun]) -> str | None:
    """What the task that failed says, without Prefect's preamble."""
    for task in tasks:
        if task.state and task.state.type in ("FAILED", "CRASHED"):
            message = (task.state.message or task.state.name).rpartition("an exception")[2]
            return f"{task.task}: {message.strip(': ')}"
    return None
