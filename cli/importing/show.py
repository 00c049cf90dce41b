"""What somebody sees of an import."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.importing import runs


@contextmanager
def progress_bar(label: str) -> Iterator[runs.Progress]:
    """A bar of rows on the standard error, where it is a terminal."""
    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(label, total=None)

        def report(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        yield report


def show(summary: runs.Summary, as_json: bool) -> None:
    """Print the summary."""
    if as_json:
        typer.echo(json.dumps(asdict(summary)))
        return
    if summary.imported_before:
        typer.echo(f"{summary.file}: imported before, nothing to do")
        return
    typer.echo(
        f"{summary.file}: {summary.recorded:,} of {summary.rows:,} rows recorded, "
        f"{summary.known:,} known, {summary.rejected:,} rejected, "
        f"{summary.matches:,} new matches, {summary.seconds:.1f} s"
    )
    if summary.rejected_file:
        typer.secho(f"rejected rows and reasons: {summary.rejected_file}", fg="yellow")
