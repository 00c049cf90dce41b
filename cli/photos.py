"""`gravity photos draw`: the pictures of the simulated people."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(name="photos", help="Photos of the simulated people.", no_args_is_help=True)


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
