"""`gravity status`."""

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gravity.stack.status import ProgramStatus

_COLUMNS = ("program", "state", "pid", "RSS MB", "PSS MB", "start s", "uptime s", "where")


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show each process: state, memory (with its children), seconds to start, address."""
    from cli import programs
    from gravity.stack import stack
    from gravity.stack import status as stack_status

    running = stack.find(programs.home())
    found = stack_status.status(running) if running else []
    if as_json:
        programs_found = [asdict(program) for program in found]
        typer.echo(json.dumps({"running": running is not None, "programs": programs_found}))
    elif running is None:
        typer.echo("down")
    else:
        _print(found)
    sys.exit(0 if running else 1)


def _print(found: "list[ProgramStatus]") -> None:
    rows = [_COLUMNS, *(_row(program) for program in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def _row(program: "ProgramStatus") -> tuple[str, ...]:
    values = (program.pid, program.rss_mb, program.pss_mb, program.start_seconds)
    return (
        program.name,
        program.state,
        *("" if value is None else str(value) for value in (*values, program.uptime_seconds)),
        program.url,
    )
