"""`gravity retrain`: ask Prefect for a run of the flow, show its tasks, end with the release."""

import asyncio
import getpass
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from features.registry import Version
    from gravity.settings import Settings

_FLOW: Final = "retrain"
_MEASURES: Final = ("people", "swipes", "auc_learned", "recall_at_20_learned", "tau")


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

    from cli.flow_runs import FlowFailed
    from cli.prefect_api import PrefectUnreachable
    from features.mlflow_rest import MLflowUnreachable
    from gravity.settings import Settings, SettingsMissing

    console = Console(stderr=as_json, highlight=False)
    try:
        done = asyncio.run(retrain(Settings.load(), console, promote))
    except (FlowFailed, SettingsMissing, PrefectUnreachable, MLflowUnreachable) as error:
        typer.echo(f"✗ {error or type(error).__name__}", err=True)
        raise typer.Exit(1) from error
    if as_json:
        typer.echo(_as_json(done))
    else:
        _print(console, done)


async def retrain(settings: "Settings", console: "Console", promote: bool = True) -> Retrained:
    """Run the flow to its end, showing each task as it ends.

    Raises FlowFailed, PrefectUnreachable, MLflowUnreachable.
    """
    from cli.flow_runs import FlowFailed, run_flow
    from features.registry import versions

    by = f"gravity retrain ({getpass.getuser()})"
    run = await run_flow(settings, _FLOW, {"promote": promote, "by": by}, console)
    made = [v for v in await versions(settings.mlflow_url) if v.tags.get("flow_run") == run.id]
    if not made:
        raise FlowFailed(f"run {run.name} registered no release")
    return Retrained(
        version=made[0],
        seconds=dict(run.seconds),
        flow_run_url=run.url,
        release_url=f"{settings.mlflow_url}/#/models/deck/versions/{made[0].release}",
    )


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
