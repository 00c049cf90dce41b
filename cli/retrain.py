"""`gravity retrain`: ask Prefect for a run of the flow, show its tasks, end with the release."""

import asyncio
import getpass
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from cli.prefect_api import Prefect, TaskRun
    from features.registry import Version
    from gravity.settings import Settings

_FLOW: Final = "retrain"
_POLL_S: Final = 0.4
_RUNNER_S: Final = 90.0
_MEASURES: Final = ("people", "swipes", "auc_learned", "recall_at_20_learned", "tau")


class RetrainFailed(Exception):
    """The run did not end well; the message is that of the task that failed."""


@dataclass(frozen=True, slots=True)
class Retrained:
    """The release that came out, how long each task took, and where to look."""

    version: "Version"
    seconds: dict[str, float]
    flow_run_url: str
    release_url: str


def command(
    promote: Annotated[bool, typer.Option(help="Serve the release if it passes the gates.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Learn a new release from the lake and, if it passes the gates, serve it."""
    from rich.console import Console

    from cli.prefect_api import PrefectUnreachable
    from features.mlflow_rest import MLflowUnreachable
    from gravity.settings import Settings, SettingsMissing

    console = Console(stderr=as_json, highlight=False)
    try:
        done = asyncio.run(retrain(Settings.load(), console, promote))
    except (RetrainFailed, SettingsMissing, PrefectUnreachable, MLflowUnreachable) as error:
        typer.echo(f"✗ {error or type(error).__name__}", err=True)
        raise typer.Exit(1) from error
    if as_json:
        typer.echo(_as_json(done))
    else:
        _print(console, done)


async def retrain(settings: "Settings", console: "Console", promote: bool = True) -> Retrained:
    """Run the flow to its end, showing each task as it ends.

    Raises RetrainFailed, PrefectUnreachable, MLflowUnreachable.
    """
    from cli.prefect_api import open_prefect
    from features.registry import versions

    async with open_prefect(settings.prefect_api_url) as prefect:
        deployment = await _deployment(prefect)
        by = f"gravity retrain ({getpass.getuser()})"
        run = await prefect.start(deployment, {"promote": promote, "by": by})
        seconds = await _watched(prefect, run.id, console)
    made = [v for v in await versions(settings.mlflow_url) if v.tags.get("flow_run") == run.id]
    if not made:
        raise RetrainFailed(f"run {run.name} registered no release")
    ui = settings.prefect_api_url.removesuffix("/api")
    return Retrained(
        version=made[0],
        seconds=seconds,
        flow_run_url=f"{ui}/runs/flow-run/{run.id}",
        release_url=f"{settings.mlflow_url}/#/models/deck/versions/{made[0].release}",
    )


async def _deployment(prefect: "Prefect") -> str:
    """The id of the deployment; the runner registers it some seconds after its start."""
    ends = time.monotonic() + _RUNNER_S
    while (found := await prefect.deployment(_FLOW, _FLOW)) is None:
        if time.monotonic() > ends:
            raise RetrainFailed("the flows are not deployed: does the program `flows` run?")
        await asyncio.sleep(_POLL_S)
    return found


async def _watched(prefect: "Prefect", flow_run: str, console: "Console") -> dict[str, float]:
    """Follow a run to its end; returns seconds by task. Raises RetrainFailed."""
    from cli.prefect_api import ENDED

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
                raise RetrainFailed("nobody began the run: does the program `flows` run?")
            running = [task.task for task in tasks if task.task not in shown]
            status.update(running[-1] if running else "starting")
            await asyncio.sleep(_POLL_S)
    if run.state.type != "COMPLETED":
        raise RetrainFailed(_reason(tasks) or run.state.message or run.state.name)
    return shown


def _show(console: "Console", tasks: "list[TaskRun]", shown: dict[str, float]) -> None:
    from cli.prefect_api import ENDED

    for task in tasks:
        if task.state is None or task.state.type not in ENDED or task.task in shown:
            continue
        shown[task.task] = round(task.total_run_time, 2)
        mark = "[green]✓[/]" if task.state.type == "COMPLETED" else "[red]✗[/]"
        console.print(f"    {mark} {task.task:<32} [dim]{task.total_run_time:6.1f} s[/]")


def _reason(tasks: "list[TaskRun]") -> str | None:
    """What the task that failed says, without Prefect's preamble."""
    for task in tasks:
        if task.state and task.state.type in ("FAILED", "CRASHED"):
            message = (task.state.message or task.state.name).rpartition("an exception")[2]
            return f"{task.task}: {message.strip(': ')}"
    return None


def _print(console: "Console", done: Retrained) -> None:
    names = ", ".join(done.version.aliases) or "registered, not promoted"
    console.print(f"release [bold]{done.version.release}[/] ({names})")
    for name in _MEASURES:
        console.print(f"  {name:<24} {done.version.tags.get(name, '–')}")
    for url in (done.release_url, done.flow_run_url):
        console.print(f"  {url}", soft_wrap=True)


def _as_json(done: Retrained) -> str:
    import json

    return json.dumps(
        {
            "release": done.version.release,
            "aliases": done.version.aliases,
            "tags": dict(done.version.tags),
            "seconds": done.seconds,
            "flow_run": done.flow_run_url,
            "mlflow": done.release_url,
        }
    )
