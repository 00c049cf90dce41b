"""What every command of `gravity evaluate` does: its options; from a plan to what is printed."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.bench.plots import SvgFile
from cli.evaluate.kept import Row, Shelf
from cli.evaluate.plan import Budget, Plan

Plot = Callable[[Sequence[Row], Path], None]

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
BudgetOption = Annotated[
    Budget,
    typer.Option(
        "--budget",
        help="2, 15 or 240 minutes at most. What full has found is printed by all three.",
    ),
]
DataFolder = Annotated[
    Path,
    typer.Option(
        "--data",
        file_okay=False,
        help="Where the data sets are. What needs one that is not there is left out, and said.",
    ),
]
SHARED: Final = Path("../shared/data")
_COMMITTED: Final = Path(__file__).parents[2] / "docs" / "quality"

__all__ = ["SHARED", "AsJson", "BudgetOption", "DataFolder", "SvgFile", "evaluate"]


def evaluate(
    name: str, plan: Plan, plot: Plot, budget: Budget, data: Path, as_json: bool, svg: Path | None
) -> None:
    """Carry out a plan, print its rows, draw them, and log what is new to MLflow.

    `full` keeps its rows in docs/quality, from where they are committed; the others in .gravity.
    """
    from rich.console import Console

    from cli.bench.running import running
    from cli.evaluate.report import print_rows
    from cli.evaluate.running import MeasurementFailed, carry_out
    from cli.evaluate.tracking import log_rows

    console = Console(stderr=as_json)
    home = Path(os.environ.get("GRAVITY_HOME", ".gravity"))
    kept = Shelf(home / "evaluate" / f"{name}-{budget}.json")
    committed = Shelf(_COMMITTED / f"{name}.json")
    with running(console, MeasurementFailed) as say:
        outcome = carry_out(plan, budget, data, kept, committed, say)
        drawn = svg or home / "evaluate" / f"{name}.svg"
        if outcome.rows:
            plot(outcome.rows, drawn)
        if outcome.measured:
            say("logging to MLflow")
            tracked = log_rows(name, outcome.measured, drawn)
            console.print(f"MLflow, experiment evaluate: {tracked}", style="dim", highlight=False)
        if outcome.failed is not None:
            raise outcome.failed
    if as_json:
        typer.echo(json.dumps({"rows": outcome.rows}))
    else:
        print_rows(console, outcome.rows)
    for reason in outcome.left_out:
        console.print(f"left out: {reason}", style="yellow", markup=False, highlight=False)
