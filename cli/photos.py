"""`gravity photos`: the pictures of the simulated people, and what is learned from photos."""

import asyncio
import getpass
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from gravity.settings import Settings

    _Work = Callable[[Settings, Console], Coroutine[None, None, dict[str, object]]]

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

    _draw((media or programs.home().path / "media"), processes)


@app.command("catch-up")
def catch_up() -> None:
    """What of these is missing: draw, learn from likes which photos are alike, and learn a release
    that ranks with them.

    `gravity demo` starts it in the background once its first deck was served; what is done stays.
    """
    _reported(_caught_up, as_json=False)


def _draw(media: Path, processes: int) -> None:
    from simulator.photo_files import FOLDER, make_photos

    folder = media / FOLDER
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
    _reported(partial(_retrained, learn=True), as_json)


@app.command()
def embed(as_json: _Json = False) -> None:
    """Embed the photos that are new, as the network that was learned last sees them."""
    _reported(partial(_retrained, learn=False), as_json)


def _reported(work: "_Work", as_json: bool) -> None:
    """Do it on the stack that is up, and say what came of it or why nothing did."""
    from rich.console import Console

    from cli.flow_runs import FlowFailed
    from cli.prefect_api import PrefectUnreachable
    from features.mlflow_rest import MLflowUnreachable
    from gravity.settings import Settings, SettingsMissing

    console = Console(stderr=as_json, highlight=False)
    try:
        done = asyncio.run(work(Settings.load(), console))
    except (FlowFailed, SettingsMissing, PrefectUnreachable, MLflowUnreachable) as error:
        typer.echo(f"✗ {error or type(error).__name__}", err=True)
        raise typer.Exit(1) from None
    if as_json:
        import json

        typer.echo(json.dumps(done))


async def _caught_up(settings: "Settings", console: "Console") -> dict[str, object]:
    """Draw; learn a space where there is none, and a release where the champion is of no space or
    another."""
    from cli.flow_runs import run_flow
    from features.mlflow_rest import open_mlflow
    from features.photo_registry import MODEL
    from features.registry import CHAMPION, aliases_in
    from features.release import MANIFEST, Manifest

    if "://" not in settings.media:
        _draw(Path(settings.media), processes=2)
    async with open_mlflow(settings.mlflow_url) as mlflow:
        space = (await aliases_in(mlflow, MODEL)).get(CHAMPION)
        release = (await aliases_in(mlflow)).get(CHAMPION)
    if space is None:
        space = str((await _retrained(settings, console, learn=True))["space"])
    served = settings.home / "releases" / str(release) / MANIFEST
    known = Manifest.model_validate_json(served.read_bytes()).photos if served.exists() else None
    if known is None or known.space != space:
        by = f"gravity photos ({getpass.getuser()})"
        await run_flow(settings, "retrain", {"promote": True, "by": by}, console)
    return {"space": space}


async def _retrained(settings: "Settings", console: "Console", *, learn: bool) -> dict[str, object]:
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
