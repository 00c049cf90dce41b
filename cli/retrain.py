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
_MEASURES: Final = (
    "people",
    "swipes",
    "auc_learned",
    "recall_at_20_learned",
    "price_strength",
    "tau",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whether the release is to be served, and how strongly prices are to count in it; None: as
    the deployment has it, where an operator may have set it for good."""

    promote: bool = True
    price_strength: float | None = None

    def parameters(self) -> dict[str, bool | float]:
        """Of the flow."""
        dial = {} if self.price_strength is None else {"price_strength": self.price_strength}
        return {"promote": self.promote, **dial}


_AS_USUAL: Final = Wanted()


@dataclass(frozen=True, slots=True)
class Retrained:
    """The release that came out, how long each task took, and where to look."""

    version: "Version"
    seconds: dict[str, float]
    flow_run_url: str
    release_url: str


def command(
    promote: Annotated[bool, typer.Option(help="Serve the release if it passes the gates.")] = True,
    price_strength: Annotated[
        float | None,
        typer.Option(
            help="How strongly prices of exposure count: 0 not at all, 1 as they are found, at most"
            " 10; more keeps decks off the crowded. [the deployment's, 1]"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Learn a new release from the lake and, if it passes the gates, serve it."""
    from rich.console import Console

    from cli.flow_runs import FlowFailed
    from cli.prefect_api import PrefectUnreachable
    from features.mlflow_rest import MLflowUnreachable
    from features.prices import StrengthRefused, require_strength
    from gravity.settings import Settings, SettingsMissing

    console = Console(stderr=as_json, highlight=False)
    try:
        if price_strength is not None:
            require_strength(price_strength)
        wanted = Wanted(promote, price_strength)
        done = asyncio.run(retrain(Settings.load(), console, wanted))
    except (
        FlowFailed,
        SettingsMissing,
        StrengthRefused,
        PrefectUnreachable,
        MLflowUnreachable,
    ) as error:
        typer.echo(f"✗ {error or type(error).__name__}", err=True)
        raise typer.Exit(1) from error
    if as_json:
        typer.echo(_as_json(done))
    else:
        _print(console, done)


async def retrain(
    settings: "Settings", console: "Console", wanted: Wanted = _AS_USUAL
) -> Retrained:
    """Run the flow to its end, showing each task as it ends.

    Raises FlowFailed, PrefectUnreachable, MLflowUnreachable.
    """
    from cli.flow_runs import FlowFailed, run_flow
    from features.registry import versions

    by = f"gravity retrain ({getpass.getuser()})"
    run = await run_flow(settings, _FLOW, {**wanted.parameters(), "by": by}, console)
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
