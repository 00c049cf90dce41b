"""Rows for people: a table for each task."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from cli.evaluate.kept import Row


def print_rows(console: Console, rows: Sequence[Row]) -> None:
    """One table a task; what has reached its reference is green, what has not is red."""
    for task in dict.fromkeys(row["task"] for row in rows):
        table = Table(title=task, title_justify="left")
        for column in ("method", "measure", "value", "95%", "reference", "s", "budget"):
            table.add_column(column, justify="left" if column in ("method", "measure") else "right")
        for row in rows:
            if row["task"] == task:
                table.add_row(*_cells(row))
        console.print(table)


def _cells(row: Row) -> tuple[str, ...]:
    low, high, reference = row["low"], row["high"], row["reference"]
    return (
        row["method"],
        row["measure"] + (" (less is better)" if row.get("better") == "lower" else ""),
        f"[{_colour(row)}]{_number(row['value'])}[/]",
        "" if low is None or high is None else f"{low:.4f} to {high:.4f}",
        ""
        if reference is None
        else f"{'≤' if row.get('better') == 'lower' else '≥'} {reference:g}",
        f"{row['seconds']:.0f}",
        row["budget"],
    )


def reached(row: Row) -> bool | None:
    """Whether the row reaches its reference, a difference with all of its interval; None where
    there is none."""
    lower, reference = row.get("better") == "lower", row["reference"]
    value = row["high" if lower else "low"] if "_difference" in row["measure"] else row["value"]
    if reference is None:
        return None
    if value is None:
        return False
    return value <= reference if lower else value >= reference


def _colour(row: Row) -> str:
    return {True: "green", False: "red", None: "default"}[reached(row)]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
