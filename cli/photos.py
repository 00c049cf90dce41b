"""`gravity photos`: the pictures of the simulated people, and what is learned from photos."""

import asyncio
import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from gravity.settings import Settings

app = typer.Typer(
    name="photos", help="Photos: draw simulated people's, learn from all.", no_args_is_help=True
)
_FLOW: Final = "retrain-photos"
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def draw(
    media: Annotated[
        Path | None,
        typer.Option(help="The folder of the media. (default: `media` in the stack's folder)"),
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="Draw with so many processes.")] = 2,
) -> None:
    """Draw what is missing of the 3,000 avatars, giving way to everything else that runs.

    `gravity demo` has it done in the background once its first deck was served.
    """
    from cli import programs
    from simulator.photo_files import FOLDER, make_photos

    folder = (media or programs.home().path / "media") / FOLDER
    try:
        with _progress() as say:
            drawn = make_photos(folder, say, processes)
    except OSError as error:
        typer.echo(f"✗ {error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    typer.echo(f"{drawn} drawn; the pool is in {folder}")


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import Progress

    console = Console()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("drawing", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


@app.command()
def retrain(as_json: _Json = False) -> None:
    """Learn from likes which photos are alike, and embed everybody's photos anew.

    The next `gravity retrain` learns a release of it.
    """
    _run(learn=True, as_json=as_json)


@app.command()
def embed(as_json: _Json = False) -> None:
    """Embed the photos that are new, as the network that was learned last sees them."""
    _run(learn=False, as_json=as_json)


def _run(learn: bool, as_json: bool) -> None:
    from rich.console import Console

    from cli.flow_runs import FlowFailed
    from cli.prefect_api import PrefectUnreachable
    from features.mlflow_rest import MLflowUnreachable
    from gravity.settings import Settings, SettingsMissing

    console = Console(stderr=as_json, highlight=False)
    try:
        done = asyncio.run(_retrained(Settings.load(), console, learn))
    except (FlowFailed, SettingsMissing, PrefectUnreachable, MLflowUnreachable) as error:
        typer.echo(f"✗ {error or type(error).__name__}", err=True)
        raise typer.Exit(1) from None
    if as_json:
        import json

        typer.echo(json.dumps(done))


async def _retrained(settings: "Settings", console: "Console", learn: bool) -> dict[str, object]:
    """Run the flow to its end; what came of it."""
    from cli.flow_runs import run_flow
    from features.photo_registry import MODEL
    from features.registry import CHAMPION, versions

    by = f"gravity photos ({getpass.getuser()})"
    run = await run_flow(settings, _FLOW, {"learn": learn, "by": by}, console)
    spaces = await versions(settings.mlflow_url, model=MODEL)
    space = next(each for each in spaces if CHAMPION in each.aliases)
    url = f"{settings.mlflow_url}/#/models/{MODEL}/versions/{space.release}"
    console.print(f"everybody's photos are in space [bold]{space.release}[/]")
    for each in (url, run.url):
        console.print(f"  {each}", soft_wrap=True)
    return {
        "space": space.release,
        "tags": dict(space.tags),
        "seconds": dict(run.seconds),
        "flow_run": run.url,
        "mlflow": url,
    }
