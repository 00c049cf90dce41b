"""`gravity logs`."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

POLL_SECONDS = 0.2


def logs(
    program: Annotated[str | None, typer.Argument(help="A program of `gravity status`.")] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Lines from the end.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
) -> None:
    """Print the end of a program's log, or of every log."""
    from cli import programs

    folder = programs.home().logs
    every = sorted(folder.glob("*.log"))
    if not every:
        typer.secho(f"no logs yet in {folder}: run `gravity up` first", fg="red", err=True)
        sys.exit(1)
    files = [path for path in every if program in (None, path.stem)]
    if not files:
        known = ", ".join(path.stem for path in every)
        typer.secho(f"no log {folder / f'{program}.log'}; there are: {known}", fg="red", err=True)
        sys.exit(1)
    for path in files:
        text = path.read_text(encoding="utf-8", errors="replace")
        for line in text.splitlines()[-lines:] if lines else ():
            typer.echo(_labelled(path, line, program))
    if follow:
        _follow(files, program)


def _labelled(path: Path, line: str, program: str | None) -> str:
    return line if program else f"{path.stem:<10} {line}"


def _follow(files: list[Path], program: str | None) -> None:
    positions = {path: path.stat().st_size for path in files}
    try:
        while True:
            for path, position in positions.items():
                positions[path] = _print_new(path, position, program)
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        return


def _print_new(path: Path, position: int, program: str | None) -> int:
    size = path.stat().st_size
    with path.open("rb") as file:
        # A smaller file has been rotated: it is a new one.
        file.seek(position if size >= position else 0)
        text = file.read()
        for line in text.decode("utf-8", "replace").splitlines():
            typer.echo(_labelled(path, line, program))
        return file.tell()
