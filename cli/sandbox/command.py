"""`gravity sandbox`: train and score a ranker on a saved deck log, in under a minute."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from training.ranker.sandbox import Outcome

SAMPLE: Final = Path(__file__).parents[2] / "data" / "sandbox" / "deck_log.parquet"


def sandbox(
    log: Annotated[
        Path,
        typer.Option(help="A deck log: Parquet, as --save writes it.", show_default="a sample"),
    ] = SAMPLE,
    save: Annotated[
        Path | None,
        typer.Option(help="First write the deck log of the lake there, and use that."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the fitting.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train a ranker on a saved deck log and score it on the latest fifth of its cards.

    Without options on a sample that the simulator made. No stack has to run.
    """
    from rich.console import Console

    from training.ranker.sandbox import LogUnusable, play, read_log

    console = Console(stderr=as_json)
    try:
        outcome = play(read_log(_saved(save) if save else log), seed)
    except LogUnusable as error:
        console.print(f"LogUnusable: {error}", style="red", markup=False, highlight=False)
        raise typer.Exit(1) from None
    if as_json:
        from dataclasses import asdict

        typer.echo(json.dumps(asdict(outcome)))
    else:
        _print(console, outcome)


def _saved(path: Path) -> Path:
    """The log of the last 90 days of the lake, written to `path`."""
    from datetime import timedelta

    import pyarrow.parquet as pq

    from features.manifest import TrainingWindow
    from gravity.kernel import utc_now
    from gravity.settings import Settings
    from training.datasets import WINDOW_DAYS
    from training.lake_sets import training_set

    now = utc_now()
    window = TrainingWindow(start=now - timedelta(days=WINDOW_DAYS), end=now)
    table = training_set(Settings.load().lake, window)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd")
    return path


def _print(console: "Console", outcome: "Outcome") -> None:
    from rich.table import Table

    table = Table(title=f"{outcome.learned} cards taught, {outcome.judged} later ones judge")
    for column in ("method", "AUC", "log loss", "calibration error"):
        table.add_column(column, justify="left" if column == "method" else "right")
    for each in outcome.scored:
        figures = (each.auc, each.log_loss, each.ece)
        table.add_row(each.method, *(f"{figure:.4f}" for figure in figures))
    console.print(table)
